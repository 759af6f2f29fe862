"""Ranges of a search that replace declared ones: `moco[weight=0.1..1000]`."""

from dataclasses import dataclass

from bench.errors import cut, short
from bench.experiment.labels import RANGE
from bench.io.strict_yaml import parse_yaml
from methods.hyperparameters import Choice, Hyperparameter, LogUniform, Uniform

WIDE = 10  # a range without a declared search space is logarithmic from this ratio of its ends on


@dataclass(frozen=True)
class WholeNumbers:
    """A search space of equally likely whole numbers from `low` to `high`."""

    low: int
    high: int

    def at(self, u: float) -> int:
        """Return the quantile `u` in [0, 1]."""
        return min(self.low + int(u * (self.high - self.low + 1)), self.high)

    def __str__(self) -> str:
        return f"{self.low} to {self.high}, whole numbers"


Space = LogUniform | Uniform | Choice | WholeNumbers


def is_range(value: str) -> bool:
    """Whether a value in brackets is written as a range."""
    return RANGE in value


def parse_range(parameter: Hyperparameter, declared: Space | None, text: str) -> Space:
    """Return the search space that 'LOW..HIGH' means.

    It is logarithmic if the declared space is. Without a declared range, it is if HIGH is at least 10 times LOW > 0.

    Args:
        parameter: the hyperparameter; both ends must be allowed values.
        declared: its search space, if the method declares one.
        text: such as "0.1..1000".

    Raises:
        ValueError: the text is no range, or not one of allowed values. The message says what to write.
    """
    name = parameter.name
    if parameter.choices or parameter.type not in (int, float):
        options = "|".join(map(str, parameter.choices)) or "true|false"
        raise ValueError(f"{name} is no number, so {cut(text)} is no range of it; write {name}={options}")
    ends = [_end(parameter, end, text) for end in text.split(RANGE, 1)]
    low, high = (parameter.parse(end) for end in ends)
    if low >= high:
        swapped = f"{high:g}..{low:g}" if low > high else f"{low:g} alone"
        raise ValueError(
            f"the range {name}={cut(text)} must go from a lower to a higher number; write {name}={swapped}"
        )
    logarithmic = isinstance(declared, LogUniform)
    if not isinstance(declared, LogUniform | Uniform):
        logarithmic = low > 0 and high / low >= WIDE
    if logarithmic and low <= 0:
        raise ValueError(f"{name} is searched on a logarithmic scale, so the range {cut(text)} must start above 0")
    if logarithmic:
        return LogUniform(low, high, integer=parameter.type is int)
    return WholeNumbers(low, high) if parameter.type is int else Uniform(low, high)


def _end(parameter: Hyperparameter, end: str, text: str) -> int | float:
    value = parse_yaml(end, f"{parameter.name}={text}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{parameter.name}={cut(text)} is no range of numbers ({short(end)}); write it like 0.1..1000")
    return value


def format_range(space: Space) -> str:
    """Return the text that `parse_range` reads: '0.1..1000'."""
    assert not isinstance(space, Choice)
    return f"{space.low:.12g}{RANGE}{space.high:.12g}"
