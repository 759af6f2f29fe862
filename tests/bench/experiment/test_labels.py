"""What writes labels also reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.experiment.labels import (
    format_label,
    mark_stale,
    split_label,
    split_mark,
    with_values,
    without_point,
    without_settings,
)

names = st.from_regex(r"[a-z_]{1,8}", fullmatch=True).filter(lambda name: name not in ("point", "prior"))
values = st.integers() | st.floats(allow_nan=False) | st.booleans() | st.from_regex(r"[a-z]{1,8}", fullmatch=True)


@given(names, st.dictionaries(names, values, max_size=4), st.sampled_from([None, "sphere"]), st.integers(0, 9999))
def test_a_label_comes_apart_as_it_was_put_together(method, settings, prior, point):
    settings = ({"prior": prior} if prior else {}) | settings
    label = format_label(method, settings)
    assert split_label(format_label(method, settings | {"point": point})) == (label, point)
    assert without_point(label) == label
    assert without_settings(label) == (f"{method}[prior={prior}]" if prior else method)


@pytest.mark.parametrize(("code", "mark"), [(1, " †"), (2, " †2"), (12, " †12")])
def test_the_mark_of_stale_trials_stays_when_settings_are_removed(code, mark):
    marked = mark_stale("mmd[prior=sphere,weight=1,point=3]", code)
    assert split_mark(marked) == ("mmd[prior=sphere,weight=1,point=3]", mark)
    assert without_point(marked) == f"mmd[prior=sphere,weight=1]{mark}"
    assert without_settings(marked) == f"mmd[prior=sphere]{mark}"
    assert split_mark("mmd[weight=1]") == ("mmd[weight=1]", "")


def test_values_take_the_place_of_the_point_and_of_ranges_not_of_given_values():
    label = "mmd[prior=sphere,weight=0.1..1000,scale=1.50,point=3]"
    assert with_values(label, {"weight": 31.6, "scale": 1.5}) == "mmd[prior=sphere,scale=1.50,weight=31.6]"


@pytest.mark.parametrize(
    "label", ["mmd", "mmd[weight=1]", "mmd[point=x]", "mmd[point=1", "mmd[midpoint=3]", "mmd[point=1,weight=2]"]
)
def test_a_label_without_a_point_names_no_point_of_a_search(label):
    with pytest.raises(ValueError, match="has no search point"):
        split_label(label)
    assert without_point(label) == label
