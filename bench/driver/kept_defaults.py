"""The defaults that an experiment began with. Shipped ones may change between versions; its trials do not."""

from collections.abc import Iterable, Mapping

from bench.experiment.labels import settings
from bench.experiment.specification import Trial
from bench.experiment.variants import Defaults, Variant, declared_spaces, defaults_key
from bench.store.folders import ExperimentFolder
from methods import METHODS
from methods.hyperparameters import schema


def kept(folders: Iterable[ExperimentFolder], variants: Iterable[Variant]) -> Defaults:
    """Return the defaults that the stored trials of some variants' methods were made with.

    Args:
        folders: experiments; their search too.
        variants: what a command names.

    Returns:
        Of each method and prior that has trials: name -> value of every hyperparameter, and of "learning_rate", that
        no label names.
    """
    wanted = {(variant.method, variant.prior) for variant in variants}
    found: dict[str, dict[str, object]] = {}
    for folder in folders:
        for trial in folder.specifications():
            if (trial.spec.method, trial.spec.prior) in wanted:
                values = found.setdefault(defaults_key(trial.spec.method, trial.spec.prior), {})
                values.update({name: value for name, value in _defaults(trial).items() if name not in values})
    return found


def _defaults(trial: Trial) -> Mapping[str, object]:
    """The values of a trial that are defaults: its label names neither them nor a point, which determines others."""
    spec, named = trial.spec, settings(trial.label)
    given = set(named) | (set(declared_spaces(spec.method)) if "point" in named else set())
    values = dict(spec.hyperparameters)
    if spec.training.learning_rate is None:
        values["learning_rate"] = spec.learning_rate
    known = {*schema(METHODS[spec.method]), "learning_rate"}
    return {name: value for name, value in values.items() if name in known - given}


def changed(shipped: Iterable[Variant], kept: Iterable[Variant]) -> list[str]:
    """Say of each method and prior what its defaults are in this experiment, and what they would be in a new one."""
    now = {defaults_key(variant.method, variant.prior): variant.defaults for variant in shipped}
    lines = {}
    for variant in kept:
        key = defaults_key(variant.method, variant.prior)
        differing = [name for name, value in variant.defaults.items() if value != now[key][name]]
        if differing:
            values = ", ".join(f"{name} {variant.defaults[name]} (now {now[key][name]})" for name in differing)
            lines[key] = f"{key} keeps the defaults that this experiment began with: {values}"
    return list(lines.values())
