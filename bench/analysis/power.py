"""How many values a comparison needs. Imports neither numpy nor pandas, so that a dry run stays fast.

Values are those of training seeds (or settings), compared by exact permutation tests whose p-values Holm's method
adjusts over a family of comparisons. Differences and spreads are those of natural logarithms, so 0.1 is about 10%.
"""

import math
from statistics import NormalDist

LEVEL = 0.05  # of every test
POWER = 0.8  # the chance to find a difference for which the needed number of values is stated
SEEDS_FOR_SIGNIFICANCE = 5  # with 3 + 3 seeds no p-value is below 0.1, with 4 + 4 none below 0.029
MOST = 10**6  # values; beyond, a number is unknown


def least_p(n: int, comparisons: int) -> float:
    """Return the lowest adjusted p-value that n + n values can have in a family of so many comparisons."""
    return min(1.0, 2 * comparisons / math.comb(2 * n, n))


def fewest(comparisons: int) -> int:
    """Return the values per side below which no exact permutation test can be significant in such a family."""
    n = SEEDS_FOR_SIGNIFICANCE
    while least_p(n, comparisons) > LEVEL:
        n += 1
    return n


def needed(distance: float, spread: float, margin: float, comparisons: int = 1) -> float:
    """Return the values per side that decide with POWER: find the difference seen so far, or exclude the margin.

    Args:
        distance: the absolute difference of the means.
        spread: the standard deviation of the values.
        margin: the smallest difference worth telling.
        comparisons: the size of the family; its smallest p-value is compared with LEVEL / comparisons.

    Returns:
        A whole number; nan if it is unknown or above MOST.
    """
    if math.isnan(spread):
        return math.nan
    found = 2 * (_both_errors(comparisons) * spread / distance) ** 2 if distance else math.inf
    equivalent = _quantile(LEVEL) + _quantile((1 - POWER) / 2)  # two one-sided tests
    excluded = 2 * (equivalent * spread / (margin - distance)) ** 2 if distance < margin else math.inf
    return _feasible(min(found, excluded))


def detectable(spread: float, n: int, comparisons: int = 1) -> float:
    """Return the difference of means that n values per side find with POWER."""
    return _both_errors(comparisons) * spread * math.sqrt(2 / n)


def _both_errors(comparisons: int) -> float:
    """Return the difference in standard errors that a two-sided test finds with POWER; 2.80 for one comparison."""
    return _quantile(LEVEL / 2 / comparisons) + _quantile(1 - POWER)


def _feasible(number: float) -> float:
    """Return a number of values as a whole number; nan if it is out of reach."""
    return math.ceil(number) if number < MOST else math.nan


def _quantile(tail: float) -> float:
    """The normal quantile with this probability above it."""
    return NormalDist().inv_cdf(1 - tail)
