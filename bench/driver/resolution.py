"""Resolve an experiment: its settings, variants and network."""

from pathlib import Path

from bench.driver.options import Overrides
from bench.errors import UserError, unknown
from bench.experiment import configuration
from bench.experiment.settings import Experiment
from bench.experiment.variants import Variant, parse_variants
from methods import METHODS
from methods.networks import NETWORKS, Networks, fitting


def resolve(overrides: Overrides, file: Path | None, assignments: list[str] | None) -> tuple[Experiment, list[Variant]]:
    """Return the experiment, with all methods if none is named, and the variants of its methods.

    Args:
        overrides: Settings from options of the command line.
        file: A YAML file of settings; `overrides` take precedence over it.
        assignments: Texts such as "training.epochs=10", which take precedence over both.
    """
    experiment = configuration.resolve(overrides, file, assignments)
    if not experiment.methods:
        experiment = experiment.model_copy(update={"methods": list(METHODS)})
    variants = parse_variants(experiment.methods, experiment.defaults)
    return with_network(experiment), variants


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
