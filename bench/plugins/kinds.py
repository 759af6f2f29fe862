"""The kinds of things that plug-ins add, and what is done with each when a plug-in is installed."""

import re
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from bench.data.datasets import DATASETS
from bench.evaluation.code_measures import CODE_MEASURES
from bench.evaluation.frozen_extractor import FROZEN
from bench.evaluation.measures import MEASURES
from bench.evaluation.samplers import SAMPLERS
from bench.experiment.configuration import DATASET_SETTINGS
from bench.experiment.specification import TrialSpec
from bench.io.schema import MAX_NAME, NAME
from bench.metrics import latent
from bench.metrics.columns import DECLARED, EXTRACTORS, METRICS, OPTIONAL
from bench.plugins import datasets, extractors, metrics, networks, optimisers, priors, samplers
from bench.training.optimisers import OPTIMISERS
from methods import METHODS, Method
from methods.hyperparameters import schema
from methods.networks import NETWORKS
from methods.priors import PRIORS

LOWER_CASE = r"[a-z][a-z0-9_]*"  # becomes a part of columns


@dataclass(frozen=True)
class Kind:
    """A kind of things that plug-ins add.

    Attributes:
        noun: for messages.
        registries: the dictionaries of the project, by name, that `register` adds to. No name may be in one already.
        register: takes a name, the value, and a version of its code; raises TypeError or ValueError, whose message says
            what is wrong, if the value breaks the contract.
        check: tries the value out, in less than a second; raises an exception whose message says what is wrong, or
            `Untested`. None for methods, whose checks are in `bench.contract`, and for data sets (`datasets.check`),
            which a run checks while it prepares them.
        check_as_used: tries the value out as a trial uses it; raises UserError. None: `check` says enough.
        limits: says why the value does not take other sizes than those of `check`; "" if it does. For bench.check: a
            run tries the sizes that it needs.
        pattern: what a name looks like.
        allowed: the same in words.
        taken: whether a name is taken, if it may be in a registry and yet be free.
    """

    noun: str
    registries: tuple[MutableMapping[str, Any], ...]
    register: Callable[[str, Any, str], None]
    check: Callable[[str, Any], None] | None = None
    check_as_used: Callable[[str, Any, TrialSpec], None] | None = None
    limits: Callable[[str, Any], str] | None = None
    pattern: str = LOWER_CASE
    allowed: str = "lower-case letters, digits and _"
    taken: Callable[[str], bool] | None = None

    def has(self, name: str) -> bool:
        """Whether the name is taken."""
        return self.taken(name) if self.taken else any(name in registry for registry in self.registries)

    def allows(self, name: object) -> bool:
        """Whether something of this kind may have this name."""
        return isinstance(name, str) and bool(re.fullmatch(self.pattern, name)) and len(name) <= MAX_NAME


def _method(name: str, value: object, version: str) -> None:
    del version
    if not (isinstance(value, type) and issubclass(value, Method)):
        raise TypeError("is not a subclass of methods.Method")
    schema(value)
    METHODS[name] = value


def _is_metric(name: str) -> bool:
    """Whether there is a metric of this name; a stored experiment that declares one leaves it to its plug-in."""
    computed = name in MEASURES or name in CODE_MEASURES or f"latent_{name}" in latent.COLUMNS
    return computed or name in OPTIONAL or (name in METRICS and name not in DECLARED)


KINDS: dict[str, Kind] = {  # name of the dictionary -> kind
    "METHODS": Kind("method", (METHODS,), _method, pattern=NAME, allowed="letters, digits, _ and -"),
    "METRICS": Kind(
        "metric", (METRICS, DECLARED, OPTIONAL, MEASURES), metrics.register, metrics.check, taken=_is_metric
    ),
    "CODE_METRICS": Kind(
        "metric",
        (METRICS, DECLARED, OPTIONAL, CODE_MEASURES),
        metrics.register_of_codes,
        metrics.check_of_codes,
        taken=_is_metric,
    ),
    "NETWORKS": Kind(
        "network", (NETWORKS,), networks.register, networks.check, networks.check_as_used, networks.limits
    ),
    "DATASETS": Kind("data set", (DATASETS, DATASET_SETTINGS), datasets.register),
    "EXTRACTORS": Kind(
        "extractor",
        (EXTRACTORS, FROZEN),
        extractors.register,
        extractors.check,
        pattern=r"[a-z][a-z0-9]*",
        allowed="a-z and 0-9",
    ),
    "PRIORS": Kind("prior", (PRIORS,), priors.register, priors.check, priors.check_as_used, priors.limits),
    "OPTIMISERS": Kind("optimiser", (OPTIMISERS,), optimisers.register, optimisers.check),
    "SAMPLERS": Kind("sampler", (SAMPLERS,), samplers.register, samplers.check),
}
