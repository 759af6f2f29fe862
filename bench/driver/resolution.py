"""Resolve an experiment: its settings, variants and network."""

from pathlib import Path
from typing import NamedTuple

from bench.driver.options import Overrides
from bench.driver.quick import cut
from bench.errors import UserError, short, unknown
from bench.experiment import configuration
from bench.experiment.labels import is_named
from bench.experiment.method_names import with_key
from bench.experiment.network import with_network
from bench.experiment.settings import Experiment
from bench.experiment.variants import Variant, parse_variants
from bench.training import optimisers
from methods import METHODS


class Resolved(NamedTuple):
    """An experiment as a command means it.

    Attributes:
        experiment: with all methods if none is named.
        variants: of its methods.
        cuts: what --quick cut.
        asked: evaluation settings that the user gave, which `proportion` keeps as they are.
    """

    experiment: Experiment
    variants: list[Variant]
    cuts: str | None
    asked: frozenset[str]


def resolve(overrides: Overrides, file: Path | None, assignments: list[str] | None, quick: bool = False) -> Resolved:
    """Resolve an experiment as far as that is possible without its images.

    Args:
        overrides: Settings from options of the command line.
        file: A YAML file of settings; `overrides` take precedence over it.
        assignments: Texts such as "training.epochs=10", which take precedence over both.
        quick: Cut down to minutes what the command line does not set.
    """
    experiment, cuts = configuration.resolve(overrides, file, assignments), None
    given = typed = configuration.merge(overrides, configuration.assignments(assignments or []))
    if quick:
        experiment, cuts = cut(experiment, typed)
    elif file:
        given = configuration.merge(configuration.read(file), typed)
    if not experiment.methods:
        experiment = experiment.model_copy(update={"methods": list(METHODS)})
    variants = parse_variants(experiment.methods, experiment.defaults)
    _refuse_idle_ranges(experiment, variants)
    if experiment.report.baseline is not None:
        baseline, labels = with_key(experiment.report.baseline), [variant.label for variant in variants]
        if not any(is_named(label, baseline) for label in labels):
            raise unknown("baseline", baseline, labels)
        report = experiment.report.model_copy(update={"baseline": baseline})
        experiment = experiment.model_copy(update={"report": report})
    optimisers.refuse_unknown(experiment.training)
    return Resolved(with_network(experiment), variants, cuts, frozenset(given.get("evaluation", {})))


def _refuse_idle_ranges(experiment: Experiment, variants: list[Variant]) -> None:
    for variant in variants:
        if variant.has_range and variant.point is None and experiment.search.points is None:
            raise UserError(f"{short(variant.label)} has a range, which is for a search; add --tune N, or name values")
