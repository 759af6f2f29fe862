"""`moco[temperature=0.05|0.1,prior=sphere]` -> variants: a method, its prior and all its hyperparameters.

`learning_rate` may be chosen like a hyperparameter, and `point=K` takes what is not chosen, and may be searched, from
the K-th point of the method's search (`search_point`).
"""

import itertools
import math
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from bench.errors import UserError, cut, short, unknown
from bench.experiment.labels import format_label
from bench.io.files import sha256
from bench.io.strict_yaml import parse_yaml
from methods import METHODS
from methods.hyperparameters import Hyperparameter, LogUniform, Positive, Range, schema
from methods.priors import PRIORS

EXAMPLE = "moco[temperature=0.1|0.2,queue_size=4096]"
LEARNING_RATES = LogUniform(3e-4, 3e-2)  # searched for every method alike
MOST_POINTS = 10_000
MOST_VARIANTS = 10_000
LONGEST = 10_000  # characters of a list of methods
COMMON = {  # may stand in any method's brackets, beside its hyperparameters and prior
    "learning_rate": Hyperparameter("learning_rate", float, 1e-3, Positive),
    "point": Hyperparameter("point", int, 0, Range(0, MOST_POINTS)),
}


@dataclass(frozen=True)
class Variant:
    """One method with everything that can be chosen about it resolved."""

    method: str
    prior: str
    hyperparameters: dict[str, Any] = field(hash=False)
    learning_rate: float | None = None  # None: the experiment's
    point: int | None = None
    free: tuple[str, ...] = ()  # what a search draws: searchable, and not chosen

    @property
    def label(self) -> str:
        """The method's name and, in brackets, what differs from its defaults: the same for the same content."""
        method = METHODS[self.method]
        settings: dict[str, object] = {} if self.prior == method.priors[0] else {"prior": self.prior}
        defaults = {name: parameter.default for name, parameter in schema(method).items()}
        values = self.hyperparameters | {"learning_rate": self.learning_rate, "point": self.point}
        if self.point is not None:  # which says what is free; what is not was chosen, be it the default
            values = {k: v for k, v in values.items() if k not in self.free}
            defaults = {k: v for k, v in defaults.items() if k not in method.search_space}
        settings |= {name: value for name, value in values.items() if value != defaults.get(name)}
        return format_label(self.method, settings)

    def at_point(self, point: int) -> "Variant":
        """This variant with what is free from a point of its method's search."""
        drawn = search_point(self.method, self.free, point)
        rate = drawn.pop("learning_rate", self.learning_rate)
        return replace(self, hyperparameters=self.hyperparameters | drawn, learning_rate=rate, point=point)


@lru_cache(maxsize=1024)
def unit_points(names: tuple[str, ...], count: int) -> Any:
    """The first `count` points of a scrambled Halton sequence in the unit cube, seeded by the names of its axes."""
    from scipy.stats import qmc  # takes a while

    seed = int(sha256(",".join(names).encode())[:8], 16)
    return qmc.Halton(len(names), scramble=True, rng=seed).random(count)


def search_point(method: str, names: tuple[str, ...], point: int) -> dict[str, Any]:
    """Values for `names`, of the method's search space or "learning_rate", at point 0, 1, ... of the search.

    The first points of a longer search are those of a shorter one. Methods that search under the same names are tried
    at the same places of their ranges.
    """
    if not names:
        return {}
    spaces = {**METHODS[method].search_space, "learning_rate": LEARNING_RATES}
    units = unit_points(names, 64 * (1 + point // 64))[point]
    return {name: spaces[name].at(u) for name, u in zip(names, units.tolist(), strict=True)}


def split_methods(text: str) -> list[str]:
    """Split at the commas outside brackets: 'x[a=1,b=2],y' -> ['x[a=1,b=2]', 'y']."""
    if len(text) > LONGEST:  # of which splitting takes the square
        raise UserError(f"a list of methods has {len(text):,} characters, more than {LONGEST:,}; use a file (--config)")
    parts = re.split(r",(?![^\[]*\])", text)
    return [part.strip() for part in parts]


def parse_variants(texts: list[str]) -> list[Variant]:
    """All variants that the texts name, in order; the same one twice counts once."""
    found: dict[str, Variant] = {}
    for text in texts:
        for variant in _parse(text):
            found.setdefault(variant.label, variant)
    return list(found.values())


def _parse(text: str) -> list[Variant]:
    if len(text) > LONGEST:
        raise UserError(f"the method {short(text)} has more than {LONGEST:,} characters; name fewer values")
    match = re.fullmatch(r"([^\[\]]+)(?:\[([^\[\]]+)\])?", text.strip())
    if not match:
        raise UserError(f"cannot read the method {short(text)}; write it like {EXAMPLE}")
    name, inside = match.groups()
    if name not in METHODS:
        raise unknown("method", name, METHODS)
    choices: dict[str, list[Any]] = {}
    for part in inside.split(",") if inside else []:
        key, _, values = part.partition("=")
        key = key.strip()
        if not key or not values or key in choices:
            problem = f"{short(key)} stands twice" if key in choices else f"{short(part)} is not key=value"
            raise UserError(f"cannot read the method {short(text)}: {problem}; write it like {EXAMPLE}")
        choices[key] = [_value(name, key, value) for value in values.split("|")]
    count = math.prod(map(len, choices.values()))
    if count > MOST_VARIANTS:
        many = f"{count:,} variants, more than {MOST_VARIANTS:,}"
        raise UserError(f"the method {short(text)} has {many}; name fewer values")
    combinations = itertools.product(*choices.values())
    return [_variant(name, dict(zip(choices, combination, strict=True))) for combination in combinations]


def _value(name: str, key: str, text: str) -> Any:
    """One value of `key`, checked against the method's signature, or against its priors for the key 'prior'."""
    method = METHODS[name]
    known = schema(method) | COMMON
    if key == "prior":
        if text not in PRIORS:
            raise unknown("prior", text, PRIORS)
        if text not in method.priors:
            raise UserError(f"{name} does not support prior={text}; it supports {', '.join(method.priors)}")
        return text
    if key not in known:
        raise unknown(f"hyperparameter of {name}", key, [*known, "prior"])
    try:
        return known[key].parse(parse_yaml(text, f"{name}[{key}={text}]"))
    except (ValueError, OverflowError) as error:  # the second: a whole number that is no float
        raise UserError(f"{name}: {cut(str(error))}") from None


def _variant(name: str, chosen: dict[str, Any]) -> Variant:
    prior = chosen.pop("prior", METHODS[name].priors[0])
    rate, point = chosen.pop("learning_rate", None), chosen.pop("point", None)
    defaults = {key: parameter.default for key, parameter in schema(METHODS[name]).items()}
    free = [key for key in METHODS[name].search_space if key not in chosen]
    free += ["learning_rate"] if rate is None else []
    variant = Variant(name, prior, defaults | chosen, rate, free=tuple(free))
    return variant if point is None else variant.at_point(point)
