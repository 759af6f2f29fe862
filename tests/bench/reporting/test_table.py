"""Numbers in cells: as many digits as their interval allows, and never fewer than the order needs."""

import math

import pytest

from bench.reporting.table import distinct, estimate, interval


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [
        (4.656, 0.312, "4.66 ± 0.31"),
        (8.5, 11, "8.5 ± 11"),
        (20, 99, "20 ± 99"),
        (0.85, 1.1, "0.85 ± 1.1"),
        (2627.9, 210, "2,628 ± 210"),
        (4.38e-8, 1.2e-9, "4.4e-08 ± 1.2e-09"),
        (1.0, 1e-9, "1"),
        (8, 0, "8"),
        (8.5, math.nan, "8.5"),
    ],
)
def test_a_mean_and_its_interval(value, half, text):
    cell = interval(value, value - half, value + half)
    assert (cell.text, cell.value) == (text, value)


def test_means_that_differ_read_differently():
    means = [8.51, 8.54, 120.0, math.nan]
    least = distinct(means)
    assert [interval(x, x - 11, x + 11, least=least).text for x in means[:2]] == ["8.51 ± 11", "8.54 ± 11"]
    assert distinct([8.5, 8.5, 9.1]) == 2


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((1, 0.791, 1.26), "1.00 (0.79 to 1.26)"),
        ((4.26, 2.27, 8.02), "4.3 (2.3 to 8.0)"),
        ((-0.0254, -0.0601, 0.00923), "-0.025 (-0.060 to 0.009)"),
        ((1.25, math.nan, math.nan), "1.25"),
        ((math.nan, math.nan, math.nan), "-"),
        ((0.6000000000000006, 0.6, 0.6000000000000012), "0.6"),  # equal values, rounded
    ],
)
def test_an_estimate_and_its_ends_share_their_places(numbers, text):
    assert estimate(*numbers) == text
