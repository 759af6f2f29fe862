"""What to write in place of an option that does not exist, but whose name is that of a setting or a hyperparameter."""

import difflib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bench.experiment.configuration import default_settings

NEAR = 0.8  # similarity of a misspelt name, such as optimizer


class Meant(NamedTuple):
    """What the name of an option stands for: one of the two.

    Attributes:
        setting: a key of a setting, such as "training.epochs".
        variant: a method and its hyperparameter, such as ("mmd", "weight").
    """

    setting: str | None = None
    variant: tuple[str, str] | None = None

    def typed(self, value: str) -> str:
        """How to write it on the command line."""
        return f"--set {self.setting}={value}" if self.setting else f"--methods '{self._variant(value)}'"

    def called(self, value: object) -> str:
        """How to write it in a call of `bench.run` from Python."""
        setting = {self.setting: value}
        return f"settings={setting}" if self.setting else f"methods=['{self._variant(value)}']"

    def _variant(self, value: object) -> str:
        method, name = self.variant or ("", "")
        return f"{method}[{name}={value}]"


def meaning(name: str, options: Iterable[str], methods: str) -> Meant | None:
    """Return what a name that is no option probably stands for; None if that is not clear.

    Args:
        name: with underscores, such as "batch_size", "optimizer" or "lr".
        options: the names of options, with underscores; a name that is nearest to one of them is not explained.
        methods: what the user says of methods, which decides whose hyperparameter it is.
    """
    settings = {key.rpartition(".")[2]: key for key in default_settings()}
    owners = _owners(methods)
    spelt = {**{each: each for each in [*options, *owners, *settings]}, **_initials(settings)}
    near = [spelt[name]] if name in spelt else difflib.get_close_matches(name, spelt, n=1, cutoff=NEAR)
    if not near or near[0] in options:
        return None
    [found] = near
    if found in settings:
        keys = [key for key in default_settings() if key.rpartition(".")[2] == found]
        return Meant(setting=keys[0]) if len(keys) == 1 else None
    return Meant(variant=(owners[found], found))


def _initials(names: Iterable[str]) -> dict[str, str]:
    """Abbreviations, such as lr, of names of several words."""
    return {"".join(word[0] for word in name.split("_")): name for name in names if "_" in name}


def _owners(methods: str) -> dict[str, str]:
    """The hyperparameters of all methods, and "prior", each with a method that has it: the one named first, if any."""
    from methods import METHODS  # imports torch
    from methods.hyperparameters import schema

    order: Sequence[str] = sorted(METHODS, key=lambda name: methods.find(name) if name in methods else len(methods))
    owners = {"prior": next(name for name in order if len(METHODS[name].priors) > 1)}
    for method in order:
        for name in schema(METHODS[method]):
            owners.setdefault(name, method)
    return owners
