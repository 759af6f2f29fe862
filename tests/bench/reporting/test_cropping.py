"""Axes that few far values do not stretch."""

import pytest

from bench.reporting.cropping import arrow, outside


def test_values_far_beyond_the_others_are_left_out():
    distances = [7.86, 8.53, 8.54, 8.57, 9.46, 10.33, 10.8, 19.4, 62.6]
    assert outside(distances) == [False] * 7 + [True, True]
    assert outside(distances[::-1]) == [True, True] + [False] * 7
    assert outside([0.001, *distances[:7]]) == [True] + [False] * 7


@pytest.mark.parametrize(
    "values",
    [
        [1.0],
        [1.0, 1000.0],
        [1.0, 1.1, 1000.0],  # a third of them is too many
        [1.0, 2.0, 4.0, 8.0, 16.0, 32.0],  # no gap is wider than the rest
        [1.0, 1.01, 1.02, 1.03, 1.3],  # not far
        [3.0] * 5,
    ],
)
def test_values_that_share_an_axis_stay(values):
    assert not any(outside(values))


def test_arrows_point_outward():
    assert [arrow(0, 1), arrow(1, 0), arrow(-1, -1), arrow(1, 1)] == ["↑", "→", "↙", "↗"]
