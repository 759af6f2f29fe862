"""Hyperparameters as plain data: their ranges and search spaces, and `schema`, which reads them from a signature.

The keyword-only arguments of a method's `__init__` are its schema. `weight: Annotated[float, Positive] = 0.1` declares
type, range and default in one place.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Range:
    """The values from `low` to `high`; an open end excludes its bound. Floats must also be finite."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return above and below

    def __str__(self) -> str:
        if self.high == math.inf:
            return "any number" if self.low == -math.inf else f"{'>' if self.low_open else '>='} {self.low:g}"
        return f"in {'(' if self.low_open else '['}{self.low:g}, {self.high:g}{')' if self.high_open else ']'}"


Positive = Range(0, low_open=True)
Unit = Range(0, 1)
UnitOpen = Range(0, 1, high_open=True)
AtLeastOne = Range(1)


@dataclass(frozen=True)
class DefaultFor:
    """A default under one prior, if it differs from that of the signature, which is the default under all others."""

    prior: str
    value: Any


# Names with another meaning in a method's brackets, such as moco[prior=sphere], or in the tables of a search.
RESERVED = {
    *("prior", "learning_rate", "point", "searcher"),
    *("method", "variant", "trial", "seed", "state", "score", "partial", "train_seconds"),
}


@dataclass(frozen=True)
class LogUniform:
    """A search space that is uniform in the logarithm from `low` to `high`, rounded to integers if `integer` is set."""

    low: float
    high: float
    integer: bool = False

    def at(self, u: float) -> float | int:
        """Return the quantile `u` in [0, 1), rounded to four digits."""
        value = self.low * (self.high / self.low) ** u
        return round(value) if self.integer else float(f"{value:.4g}")

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}, logarithmic"


@dataclass(frozen=True)
class Uniform:
    """A search space that is uniform from `low` to `high`."""

    low: float
    high: float

    def at(self, u: float) -> float:
        """Return the quantile `u` in [0, 1), rounded to four digits."""
        return float(f"{self.low + (self.high - self.low) * u:.4g}")

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Choice:
    """A search space of equally likely options."""

    options: tuple[Any, ...]

    def at(self, u: float) -> Any:
        """Return the option at the quantile `u` in [0, 1)."""
        return self.options[int(u * len(self.options))]

    def __str__(self) -> str:
        return "one of " + ", ".join(map(str, self.options))


@dataclass(frozen=True)
class Hyperparameter:
    """One hyperparameter of a method.

    Attributes:
        name: the keyword.
        type: bool, int, float or str.
        default: the default value.
        defaults: prior -> the default under this prior, where it is another one.
        range: the allowed values of a number.
        choices: the allowed values of a `Literal`; else empty.
    """

    name: str
    type: type
    default: Any
    range: Range
    choices: tuple[Any, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def default_under(self, prior: str) -> Any:
        """Return the default under a prior."""
        return self.defaults.get(prior, self.default)

    def parse(self, value: Any) -> Any:
        """Return `value`, converted to the type; ValueError, with the allowed values, if it is not allowed."""
        if self.choices:
            if value not in self.choices:
                raise ValueError(f"{self.name} must be one of {', '.join(map(str, self.choices))}, not {value!r}")
            return value
        if self.type is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not self.type:
            raise ValueError(f"{self.name} must be of type {self.type.__name__}, not {value!r}")
        if self.type is float and not math.isfinite(value):
            raise ValueError(f"{self.name} must be finite, not {value!r}")
        if self.type in (int, float) and value not in self.range:
            raise ValueError(f"{self.name} must be {self.range}, not {value!r}")
        return value


def schema(method: Callable[..., Any]) -> dict[str, Hyperparameter]:
    """Return the keyword-only arguments of a class's constructor, by name, in order.

    Raises:
        TypeError: an argument has no type or no default.
        ValueError: a name is reserved, or a default is outside its own range.
    """
    hints = get_type_hints(method.__init__, include_extras=True)  # pyright: ignore[reportFunctionMemberAccess]
    parameters = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        if name in RESERVED:
            raise ValueError(f"a hyperparameter cannot be called {name}, because that name is reserved; rename it")
        if name not in hints or parameter.default is parameter.empty:
            raise TypeError(f"the hyperparameter {name} needs a type and a default, such as {name}: float = 1.0")
        parameters[name] = _hyperparameter(name, hints[name], parameter.default)
    return parameters


def _hyperparameter(name: str, hint: Any, default: Any) -> Hyperparameter:
    marks: list[Any] = []
    if get_origin(hint) is Annotated:
        hint, *marks = get_args(hint)
    limits = next((mark for mark in marks if isinstance(mark, Range)), Range())
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    unchecked = Hyperparameter(name, type(choices[0]) if choices else hint, default, limits, choices)
    defaults = {mark.prior: unchecked.parse(mark.value) for mark in marks if isinstance(mark, DefaultFor)}
    return replace(unchecked, default=unchecked.parse(default), defaults=defaults)


def learning_rate(method: Any, prior: str) -> float:
    """Return the default learning rate of a method (`Method.learning_rate`) under a prior; else under its first."""
    rates = method.learning_rate
    return rates.get(prior, next(iter(rates.values()))) if isinstance(rates, Mapping) else rates
