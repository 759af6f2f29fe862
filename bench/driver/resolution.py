"""Resolve an experiment: its settings, variants and network."""

from pathlib import Path

from bench.driver.options import Overrides
from bench.driver.quick import cut
from bench.errors import UserError, short, unknown
from bench.experiment import configuration
from bench.experiment.labels import is_named
from bench.experiment.settings import Experiment
from bench.experiment.variants import Variant, parse_variants
from methods import METHODS
from methods.networks import NETWORKS, Networks, fitting


def resolve(
    overrides: Overrides, file: Path | None, assignments: list[str] | None, quick: bool = False
) -> tuple[Experiment, list[Variant], str | None]:
    """Return the experiment, with all methods if none is named, the variants of its methods, and what was cut.

    Args:
        overrides: Settings from options of the command line.
        file: A YAML file of settings; `overrides` take precedence over it.
        assignments: Texts such as "training.epochs=10", which take precedence over both.
        quick: Cut down to minutes what the command line does not set.
    """
    experiment, cuts = configuration.resolve(overrides, file, assignments), None
    if quick:
        typed = configuration.merge(overrides, configuration.assignments(assignments or []))
        experiment, cuts = cut(experiment, typed)
    if not experiment.methods:
        experiment = experiment.model_copy(update={"methods": list(METHODS)})
    variants = parse_variants(experiment.methods, experiment.defaults)
    _refuse_idle_ranges(experiment, variants)
    baseline, labels = experiment.report.baseline, [variant.label for variant in variants]
    if baseline is not None and not any(is_named(label, baseline) for label in labels):
        raise unknown("baseline", baseline, labels)
    return with_network(experiment), variants, cuts


def _refuse_idle_ranges(experiment: Experiment, variants: list[Variant]) -> None:
    for variant in variants:
        if variant.ranges and variant.point is None and experiment.search.points is None:
            raise UserError(f"{short(variant.label)} has a range, which is for a search; add --tune N, or name values")


def with_network(experiment: Experiment) -> Experiment:
    """Replace the network "auto" by the deepest one that fits the images.

    Raises:
        UserError: The network is unknown or does not fit the images.
    """
    network, shape = experiment.network, experiment.preprocessing.shape
    if network.name not in (*NETWORKS, "auto"):
        raise unknown("network", network.name, [*NETWORKS, "auto"])
    try:
        if network.name == "auto":
            network = network.model_copy(update={"name": fitting(shape[1])})
        Networks(network.name, shape, network.latent_dim, network.width)
    except ValueError as error:
        raise UserError(str(error)) from None
    return experiment.model_copy(update={"network": network})
