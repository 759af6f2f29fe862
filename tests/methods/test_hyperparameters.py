import math
from typing import Annotated, Literal

import pytest

from methods import METHODS
from methods.hyperparameters import Choice, LogUniform, Positive, Range, Uniform, Unit, schema


class Example:
    def __init__(
        self,
        networks: object,
        *,
        weight: Annotated[float, Positive] = 1.0,
        share: Annotated[float, Unit] = 0.5,
        count: int = 3,
        kind: Literal["a", "b"] = "a",
        switch: bool = False,
    ) -> None: ...


def test_the_schema_is_the_signature():
    parameters = schema(Example)
    assert list(parameters) == ["weight", "share", "count", "kind", "switch"]
    assert (parameters["weight"].type, parameters["weight"].default, parameters["weight"].range) == (
        float,
        1.0,
        Positive,
    )
    assert parameters["kind"].choices == ("a", "b")


@pytest.mark.parametrize(
    ("name", "value", "parsed"),
    [
        ("weight", 2, 2.0),
        ("weight", 0.5, 0.5),
        ("share", 1.0, 1.0),
        ("count", 7, 7),
        ("kind", "b", "b"),
        ("switch", True, True),
    ],
)
def test_values_in_range_are_taken(name, value, parsed):
    result = schema(Example)[name].parse(value)
    assert result == parsed
    assert type(result) is type(parsed)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weight", 0.0),
        ("weight", -1),
        ("weight", math.nan),
        ("weight", math.inf),
        ("weight", "much"),
        ("weight", True),
        ("share", 1.1),
        ("count", 1.5),
        ("count", True),
        ("kind", "c"),
        ("switch", 1),
    ],
)
def test_values_out_of_range_or_of_another_type_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=name):
        schema(Example)[name].parse(value)


def test_open_and_closed_ends():
    assert 0 in Range(0)
    assert 0 not in Range(0, low_open=True)
    assert 1 not in Range(0, 1, high_open=True)
    assert str(Range(0, 1, high_open=True)) == "in [0, 1)"


@pytest.mark.parametrize("name", METHODS)
def test_defaults_and_search_spaces_lie_within_the_allowed_ranges(name):
    parameters = schema(METHODS[name])
    for parameter in parameters.values():
        assert parameter.parse(parameter.default) == parameter.default
    for key, space in METHODS[name].search_space.items():
        ends = space.options if isinstance(space, Choice) else (space.low, space.high)
        assert isinstance(space, LogUniform | Uniform | Choice)
        for end in ends:
            parameters[key].parse(type(parameters[key].default)(end))


def test_spaces_give_their_ends_and_what_is_between():
    assert (LogUniform(0.01, 100).at(0), LogUniform(0.01, 100).at(0.5)) == (0.01, 1.0)
    assert LogUniform(16, 256, integer=True).at(0.5) == 64
    assert Uniform(-1, 1).at(0.75) == 0.5
    assert [Choice(("a", "b", "c")).at(u) for u in (0, 0.34, 0.999)] == ["a", "b", "c"]
