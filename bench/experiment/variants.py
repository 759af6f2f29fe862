"""Variants of methods, parsed from texts such as `moco[temperature=0.05|0.1,prior=sphere]`, and their search points.

Every method also accepts `learning_rate` and `point`. `point=K` sets all searchable hyperparameters that the text does
not set to the K-th point of the method's search (`search_point`). `weight=0.1..1000` sets the range of a search.
"""

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bench.errors import UserError, cut, short, unknown
from bench.experiment.labels import SEARCHER, format_label, split_label
from bench.experiment.method_names import find_method
from bench.experiment.ranges import Space, format_range, is_range, parse_range
from bench.io.files import sha256
from bench.io.schema import Value
from bench.io.strict_yaml import parse_yaml
from methods import METHODS
from methods.hyperparameters import Hyperparameter, LogUniform, Positive, Range, learning_rate, schema
from methods.priors import PRIORS

if TYPE_CHECKING:
    import numpy as np

Defaults = Mapping[str, Mapping[str, Any]]  # variant -> name -> value
EXAMPLE = "moco[temperature=0.1|0.2,queue_size=4096]"
LEARNING_RATES = LogUniform(3e-4, 3e-2)  # the same search space for every method
MAX_POINTS = 10_000
MAX_VARIANTS = 10_000
MAX_CHARACTERS = 10_000  # of a list of methods
COMMON = {  # keys that every method accepts, besides its hyperparameters and `prior`
    "learning_rate": Hyperparameter("learning_rate", float, 1e-3, Positive),
    "point": Hyperparameter("point", int, 0, Range(0, MAX_POINTS)),
}


@dataclass(frozen=True)
class Variant:
    """A method with its prior and the values of all its hyperparameters.

    Attributes:
        learning_rate: None means that of the experiment, or else the default of the method.
        defaults: the default of every hyperparameter and of "learning_rate", under this prior and on this data set.
        point: index of a search point, if values come from a search.
        searched: searchable hyperparameters that the user did not set, and "learning_rate" if it was not set.
        ranges: the search spaces that the user set, where they differ from the declared ones.
        has_range: whether the user gave one, be it the declared one.
        searcher: what chose the point; the points of others than "halton" depend on results (`search.searcher`).
    """

    method: str
    prior: str
    hyperparameters: dict[str, Value] = field(hash=False)
    learning_rate: float | None = None
    point: int | None = None
    searched: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    ranges: Mapping[str, Space] = field(default_factory=dict, hash=False)
    has_range: bool = field(default=False, compare=False)
    searcher: str = "halton"

    @property
    def label(self) -> str:
        """The method's name and, in brackets, every setting that differs from its default. Equal variants share it."""
        method = METHODS[self.method]
        settings: dict[str, object] = {} if self.prior == method.priors[0] else {"prior": self.prior}
        defaults = {name: value for name, value in self.defaults.items() if name != "learning_rate"}
        values = self.hyperparameters | {"learning_rate": self.learning_rate}
        if self.point is not None:
            # The point determines the searched values. Other searchable values are listed even if they are defaults,
            # because they were excluded from the search.
            values = {name: value for name, value in values.items() if name not in self.searched}
            defaults = {name: value for name, value in defaults.items() if name not in method.search_space}
        settings |= {name: value for name, value in values.items() if value != defaults.get(name)}
        settings |= {name: format_range(space) for name, space in self.ranges.items()}
        settings |= {} if self.point is None or self.searcher == "halton" else {SEARCHER: self.searcher}
        return format_label(self.method, settings | ({} if self.point is None else {"point": self.point}))

    @property
    def searched_label(self) -> str:
        """The label of this variant in the results of a search: that of a point, without the point."""
        return split_label(replace(self, point=0).label)[0]

    def space(self, name: str) -> Space:
        """Return the search space of a hyperparameter, or of "learning_rate"."""
        return self.ranges.get(name) or declared_spaces(self.method)[name]

    def at_point(self, point: int) -> "Variant":
        """Return this variant with its searched values taken from a search point."""
        return self.with_values(point, search_point(self.method, self.searched, point, self.ranges))

    def with_values(self, point: int, values: Mapping[str, Any]) -> "Variant":
        """Return this variant with its searched values replaced, as point number `point`."""
        values = dict(values)
        rate = values.pop("learning_rate", self.learning_rate)
        return replace(self, hyperparameters=self.hyperparameters | values, learning_rate=rate, point=point)


@lru_cache(maxsize=1024)
def unit_points(names: tuple[str, ...], count: int) -> "np.ndarray":
    """Return the first points of a scrambled Halton sequence in the unit cube, seeded by the names of its axes.

    Returns:
        Array of shape [count, len(names)].
    """
    from scipy.stats import qmc  # slow to import

    seed = int(sha256(",".join(names).encode())[:8], 16)
    return qmc.Halton(len(names), scramble=True, rng=seed).random(count)


def declared_spaces(method: str) -> dict[str, Space]:
    """Return the declared search space of every hyperparameter that has one, and of "learning_rate"."""
    return {**METHODS[method].search_space, "learning_rate": LEARNING_RATES}


def search_point(
    method: str, names: tuple[str, ...], point: int, ranges: Mapping[str, Space] | None = None
) -> dict[str, Any]:
    """Return the values of one search point.

    A longer search begins with the points of a shorter one. Methods with the same searched names get the same quantiles
    of their ranges.

    Args:
        method: name of the method.
        names: hyperparameters in its search space, or "learning_rate".
        point: index of the point, from 0.
        ranges: search spaces that replace declared ones.
    """
    if not names:
        return {}
    spaces = declared_spaces(method) | dict(ranges or {})
    units = unit_points(names, 64 * (1 + point // 64))[point]
    return {name: spaces[name].at(u) for name, u in zip(names, units.tolist(), strict=True)}


def split_methods(text: str) -> list[str]:
    """Split a list of methods at the commas outside brackets: 'x[a=1,b=2],y' -> ['x[a=1,b=2]', 'y']."""
    if len(text) > MAX_CHARACTERS:  # splitting takes quadratic time
        raise UserError(
            f"a list of methods has {len(text):,} characters, more than {MAX_CHARACTERS:,}; use a file (--config)"
        )
    parts = re.split(r",(?![^\[]*\])", text)
    return [part.strip() for part in parts]


def parse_variants(texts: list[str], overrides: Defaults | None = None) -> list[Variant]:
    """Return all variants that the texts describe, in order and without duplicates.

    Args:
        texts: such as EXAMPLE.
        overrides: defaults of the data set (`Experiment.defaults`); they replace those of the methods.

    Raises:
        UserError: a text or an override cannot be parsed, or a text describes too many variants.
    """
    variants: dict[str, Variant] = {}  # by label
    chosen = parse_defaults(overrides or {})
    for text in texts:
        for variant in _parse(text, chosen):
            variants.setdefault(variant.label, variant)
    return list(variants.values())


def parse_defaults(overrides: Defaults) -> Defaults:
    """Validate the defaults of a data set: a method, or a method and its prior -> name -> value.

    Raises:
        UserError: a method, a name or a value is unknown or not allowed.
    """
    parsed: dict[str, dict[str, Any]] = {}
    for text, values in overrides.items():
        [variant] = _parse(text, {})
        checked = {key: _value(variant.method, key, str(value)) for key, value in values.items()}
        for key, value in checked.items():
            if isinstance(value, Space):
                raise UserError(f"defaults: {text}: {key} = {values[key]} is a range; a default is one value")
        parsed[defaults_key(variant.method, variant.prior)] = checked
    return parsed


def default_values(method: str, prior: str, overrides: Defaults) -> dict[str, Any]:
    """Return the default of every hyperparameter of a method under a prior, and of "learning_rate".

    Args:
        method: its name.
        prior: its name.
        overrides: defaults of the data set, from `parse_defaults`.
    """
    defaults = {name: parameter.default_under(prior) for name, parameter in schema(METHODS[method]).items()}
    defaults["learning_rate"] = learning_rate(METHODS[method], prior)
    return {**defaults, **overrides.get(defaults_key(method, prior), {})}


def defaults_key(method: str, prior: str) -> str:
    """Return the key of a method and prior in Defaults: the method, with its prior if that is not the first."""
    return format_label(method, {} if prior == METHODS[method].priors[0] else {"prior": prior})


def _parse(text: str, overrides: Defaults) -> list[Variant]:
    if len(text) > MAX_CHARACTERS:
        raise UserError(f"the method {short(text)} has more than {MAX_CHARACTERS:,} characters; name fewer values")
    match = re.fullmatch(r"([^\[\]]+)(?:\[([^\[\]]+)\])?", text.strip())
    if not match:
        raise UserError(f"cannot read the method {short(text)}; write it like {EXAMPLE}")
    name, inside = match.groups()
    name = find_method(name)
    choices: dict[str, list[Any]] = {}
    for part in inside.split(",") if inside else []:
        key, _, values = part.partition("=")
        key = key.strip()
        if not key or not values or key in choices:
            problem = f"{short(key)} appears twice" if key in choices else f"{short(part)} is not key=value"
            raise UserError(f"cannot read the method {short(text)}: {problem}; write it like {EXAMPLE}")
        choices[key] = [_value(name, key, value) for value in values.split("|")]
    count = math.prod(map(len, choices.values()))
    if count > MAX_VARIANTS:
        excess = f"{count:,} variants, more than {MAX_VARIANTS:,}"
        raise UserError(f"the method {short(text)} has {excess}; name fewer values")
    combinations = itertools.product(*choices.values())
    return [_variant(name, dict(zip(choices, combination, strict=True)), overrides) for combination in combinations]


def supported_priors(method: str) -> list[str]:
    """Return the names of the priors that a method supports; the first is the default."""
    kind = METHODS[method]
    return list(dict.fromkeys([*kind.priors, *(PRIORS if kind.takes_any_prior else ())]))


def _value(name: str, key: str, text: str) -> Any:
    """Parse one value or range of `key`, and validate it against the method's signature or, for "prior", its priors."""
    method = METHODS[name]
    known = schema(method) | COMMON
    if key == "prior":
        if text not in PRIORS:
            raise unknown("prior", text, PRIORS)
        supported = supported_priors(name)
        if text not in supported:
            raise UserError(f"{name} does not support prior={text}; it supports {', '.join(supported)}")
        return text
    if key == SEARCHER:
        raise UserError(f"points of {name}[{SEARCHER}={cut(text)}] depend on results; name the values (search.csv)")
    if key not in known:
        raise unknown(f"hyperparameter of {name}", key, [*known, "prior"])
    try:
        if is_range(text) and key != "point" and (known[key].type is not str or known[key].choices):
            return parse_range(known[key], declared_spaces(name).get(key), text)
        return known[key].parse(parse_yaml(text, f"{name}[{key}={text}]"))
    except (ValueError, OverflowError) as error:  # OverflowError: an integer too large for a float
        raise UserError(f"{name}: {cut(str(error))}") from None


def _variant(name: str, values: dict[str, Any], overrides: Defaults) -> Variant:
    prior = values.pop("prior", METHODS[name].priors[0])
    declared = declared_spaces(name)
    ranges = {key: value for key, value in values.items() if isinstance(value, Space)}
    values = {key: value for key, value in values.items() if key not in ranges}
    rate, point = values.pop("learning_rate", None), values.pop("point", None)
    defaults = default_values(name, prior, overrides)
    resolved = {key: value for key, value in defaults.items() if key != "learning_rate"} | values
    searched = dict.fromkeys(
        [*METHODS[name].search_space, *(key for key in ranges if key != "learning_rate"), "learning_rate"]
    )
    given = values.keys() | (set() if rate is None else {"learning_rate"})
    variant = Variant(
        name,
        prior,
        resolved,
        rate,
        searched=tuple(key for key in searched if key not in given),
        defaults=defaults,
        ranges={key: space for key, space in ranges.items() if declared.get(key) != space},
        has_range=bool(ranges),
    )
    return variant if point is None else variant.at_point(point)
