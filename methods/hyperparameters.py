"""Hyperparameters as plain data: their ranges, their search spaces, and how both are read from a signature.

A method's keyword arguments *are* its schema. `Annotated[float, Positive] = 0.1` says type, range and default in
one place; `schema` reads it, and nothing else has to be kept in step.
"""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Range:
    """Values from `low` to `high`; an open end excludes its bound. Floats must be finite besides."""

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


# What stands beside hyperparameters in a method's brackets, or in the tables of a search.
RESERVED = {"prior", "learning_rate", "point", "method", "variant", "trial", "seed", "state", "score", "train_seconds"}


@dataclass(frozen=True)
class LogUniform:
    """Search `low` to `high` uniformly in the logarithm; `integer` rounds."""

    low: float
    high: float
    integer: bool = False

    def at(self, u: float) -> float | int:
        """The value at `u` in [0, 1) of the way, to four digits."""
        value = self.low * (self.high / self.low) ** u
        return round(value) if self.integer else float(f"{value:.4g}")

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}, logarithmic"


@dataclass(frozen=True)
class Uniform:
    """Search `low` to `high` uniformly."""

    low: float
    high: float

    def at(self, u: float) -> float:
        """The value at `u` in [0, 1) of the way, to four digits."""
        return float(f"{self.low + (self.high - self.low) * u:.4g}")

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Choice:
    """Search among the given values, each as likely."""

    options: tuple[Any, ...]

    def at(self, u: float) -> Any:
        """The option that `u` in [0, 1) falls on."""
        return self.options[int(u * len(self.options))]

    def __str__(self) -> str:
        return "one of " + ", ".join(map(str, self.options))


@dataclass(frozen=True)
class Hyperparameter:
    """One keyword of a method: its type (`choices` for a `Literal`), default and range."""

    name: str
    type: type
    default: Any
    range: Range
    choices: tuple[Any, ...] = ()

    def parse(self, value: Any) -> Any:
        """Return `value` as this hyperparameter's type; ValueError, with what is allowed, where it does not fit."""
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
    """The keyword-only arguments of `method`'s constructor, by name, in order.

    Raises:
        TypeError: one has no type or no default. ValueError: a default is out of its own range.
    """
    hints = get_type_hints(method.__init__, include_extras=True)  # pyright: ignore[reportFunctionMemberAccess]
    found = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        if name in RESERVED:
            raise ValueError(f"a hyperparameter cannot be called {name}, which means something else; rename it")
        if name not in hints or parameter.default is parameter.empty:
            raise TypeError(f"the hyperparameter {name} needs a type and a default, such as {name}: float = 1.0")
        hint, limits = hints[name], Range()
        if get_origin(hint) is Annotated:
            hint, *marks = get_args(hint)
            limits = next((mark for mark in marks if isinstance(mark, Range)), limits)
        choices = get_args(hint) if get_origin(hint) is Literal else ()
        kind = type(choices[0]) if choices else hint
        unchecked = Hyperparameter(name, kind, parameter.default, limits, choices)
        found[name] = replace(unchecked, default=unchecked.parse(parameter.default))
    return found
