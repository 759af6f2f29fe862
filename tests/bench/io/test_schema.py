"""Stored documents of other versions, and documents that nobody of us wrote."""

import pytest

from bench.io.schema import StrictModel, Whole, validate
from bench.io.untrusted import Malformed


class Inner(StrictModel):
    size: Whole
    note: str = "none"


class Outer(StrictModel):
    one: Inner
    maybe: Inner | None = None
    several: list[Inner] = []
    named: dict[str, Inner] = {}
    values: dict[str, int] = {}


def test_keys_of_newer_versions_are_ignored_at_every_depth_and_missing_keys_take_defaults():
    inner = {"size": 1, "newer": [1, 2]}
    document = {
        "one": inner,
        "maybe": inner,
        "several": [inner],
        "named": {"a": inner},
        "values": {"x": 3},
        "newer": {},
    }
    expected = Inner(size=1)
    assert validate(document, Outer, "a file") == Outer(
        one=expected, maybe=expected, several=[expected], named={"a": expected}, values={"x": 3}
    )
    assert validate({"one": {"size": 2}}, Outer, "a file") == Outer(one=Inner(size=2))


@pytest.mark.parametrize(
    ("document", "difference"),
    [
        ({"one": {"size": -1}}, "one.size = -1: "),
        ({"one": {"size": "1"}}, "one.size = '1': "),
        ({"one": {"size": 1}, "named": {"a": {}}}, "named.a.size = {}: "),
        ({}, "one = {}: "),
        (None, "= None: "),
        ([], "= []: "),
    ],
)
def test_what_does_not_fit_is_refused_with_its_first_difference(document, difference):
    with pytest.raises(Malformed, match=r"a file is not what bench\.run writes: ") as error:
        validate(document, Outer, "a file")
    assert difference in str(error.value)
