"""What the seeds of variants of one data set say about differences. Lower values are better.

Training seeds are the unit of replication: a list holds one finite value for each seed that finished. Random parts are
seeded. Neither torch nor ray is imported.
"""

import functools
import itertools
import math

import numpy as np
import pandas as pd

SEEDS_FOR_SIGNIFICANCE = 5  # the p-value of 3 + 3 seeds is never below 0.1, that of 4 + 4 never below 0.029
RESAMPLES = 2000  # of a bootstrap
MOST_SPLITS = 200_000  # that are enumerated: up to 10 + 10 seeds
RANDOM_SPLITS = 100_000  # that are drawn instead where there are more
UNKNOWN = (math.nan, math.nan)


def _array(values: list[float]) -> np.ndarray:
    found = np.asarray(values, dtype=float)
    if not np.isfinite(found).all():
        raise ValueError("only finite values can be compared: leave out seeds that did not come to their end")
    return found


def _around(centre: float, error: float, freedom: float, level: float) -> tuple[float, float]:
    from scipy.special import stdtrit  # Student's quantile; scipy.stats takes several times as long to import

    half = float(stdtrit(freedom, (1 + level) / 2)) * error
    return centre - half, centre + half


def interval(values: list[float], level: float = 0.95) -> tuple[float, float]:
    """Student's t interval of the mean; (nan, nan) of fewer than two values."""
    x = _array(values)
    if len(x) < 2:
        return UNKNOWN
    return _around(float(x.mean()), float(x.std(ddof=1)) / math.sqrt(len(x)), len(x) - 1, level)


def welch(a: list[float], b: list[float], level: float = 0.95) -> tuple[float, float]:
    """Interval of mean(a) - mean(b) whose variances may differ; (nan, nan) where either has fewer than two values.

    Welch's test, turned round: degrees of freedom after Satterthwaite.
    """
    x, y = _array(a), _array(b)
    if min(len(x), len(y)) < 2:
        return UNKNOWN
    first, second = float(x.var(ddof=1)) / len(x), float(y.var(ddof=1)) / len(y)
    share = first / (first + second) if first + second > 0 else 0.5  # not the variances: their squares underflow
    freedom = 1 / (share**2 / (len(x) - 1) + (1 - share) ** 2 / (len(y) - 1))
    return _around(float(x.mean() - y.mean()), math.sqrt(first + second), freedom, level)


@functools.lru_cache(maxsize=4)  # most pairs of variants have as many seeds
def _splits(size: int, chosen: int) -> np.ndarray:
    """(splits, chosen): all ways to choose of `size` positions, or random ones; the first is 0, 1, ..., chosen - 1."""
    if math.comb(size, chosen) <= MOST_SPLITS:
        positions = itertools.chain.from_iterable(itertools.combinations(range(size), chosen))
        return np.fromiter(positions, np.uint16).reshape(-1, chosen)
    drawn = np.random.default_rng(0).random((RANDOM_SPLITS, size)).argsort(axis=1)[:, :chosen]
    return np.vstack([np.arange(chosen), drawn]).astype(np.uint16)


def permutation_p(a: list[float], b: list[float]) -> float:
    """Two-sided p-value of the difference of means over all splits of the values into two such groups; nan without any.

    Exact up to MOST_SPLITS; above, (1 + number as far apart) / (1 + RANDOM_SPLITS). Its hypothesis is one
    distribution of both. Of equal means but three times the spread, 5 + 5 normal values have p <= 0.05 in 8% of cases,
    and in 16% where the 5 of 10 + 5 have the spread: compare equal numbers of seeds, and see `welch`.
    """
    # In one order, whichever comes first: random splits then treat a and b alike, and the smaller is the one chosen.
    first, second = sorted([sorted(a), sorted(b)], key=lambda group: (len(group), group))
    pooled = _array(first + second)
    if not first:
        return math.nan
    pooled = pooled - pooled[0]  # large values that differ little: their mean would round
    pooled = pooled - pooled.mean()
    distances = np.abs(pooled[_splits(len(pooled), len(first))].sum(axis=1))  # times a constant, between the means
    rounding = 1e-9 * np.abs(pooled).max()  # relative to the values: the difference may be nought
    return float((distances >= distances[0] - rounding).mean())  # the first split is the observed one


def holm(p: list[float]) -> list[float]:
    """Adjusted p-values of one family, in the same order; a nan stays nan and does not count.

    Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.
    """
    known = sorted((value, place) for place, value in enumerate(p) if not math.isnan(value))
    adjusted, highest = [math.nan] * len(p), 0.0
    for rank, (value, place) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * value))
        adjusted[place] = highest
    return adjusted


def _wins(a: list[float], b: list[float]) -> np.ndarray:
    """(len(a), len(b)): 1 where the value of a is the lower, 0.5 where both are equal."""
    x, y = _array(a)[:, None], _array(b)[None, :]
    return (x < y) + 0.5 * (x == y)


def improvement(a: list[float], b: list[float]) -> float:
    """P(A < B) + P(A = B) / 2 over all pairs of seeds, Mann-Whitney's U / (n m); nan without any.

    The probability of improvement of Agarwal et al., arXiv 2108.13264, section 4.3, of one task.
    """
    return float(_wins(a, b).mean()) if len(a) and len(b) else math.nan


def improvement_interval(a: list[float], b: list[float], level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap over the seeds of both; (nan, nan) where either has fewer than two.

    Too narrow of few seeds: where all of a lie below all of b it is (1, 1).
    """
    if min(len(a), len(b)) < 2:
        return UNKNOWN
    first, second = _resampled(len(a), len(b))
    # Counts instead of all n m pairs of every resample; sums of halves are exact.
    return percentiles(((first @ _wins(a, b)) * second).sum(axis=1) / (len(a) * len(b)), level)


@functools.lru_cache(maxsize=4)
def _resampled(n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """How often a bootstrap of two groups takes each value: (RESAMPLES, n) and (RESAMPLES, m)."""
    random = np.random.default_rng(0)
    first = _counts(random.integers(n, size=(RESAMPLES, n)), n)
    return first, _counts(random.integers(m, size=(RESAMPLES, m)), m)


def _counts(drawn: np.ndarray, size: int) -> np.ndarray:
    flat = drawn + size * np.arange(len(drawn))[:, None]
    return np.bincount(flat.ravel(), minlength=len(drawn) * size).reshape(-1, size).astype(float)


def percentiles(draws: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """The interval that holds `level` of the draws of a bootstrap, as much outside on either side."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def pairwise(values: dict[str, list[float]]) -> pd.DataFrame:
    """One row a pair of variants, in the given order; `values` are those of the seeds of each variant.

    Columns: variant, other, their numbers of seeds n and n_other; difference of their means, negative where `variant`
    is the better, and its Welch interval low, high; p, and p_holm over all rows; improvement, the probability that
    `variant` is the better of two seeds, and its interval.
    """
    records = []
    for (variant, a), (other, b) in itertools.combinations(values.items(), 2):
        known = bool(len(a) and len(b))
        difference = float(_array(a).mean() - _array(b).mean()) if known else math.nan
        chances = (permutation_p(a, b), improvement(a, b), *improvement_interval(a, b))
        records.append((variant, other, len(a), len(b), difference, *welch(a, b), *chances))
    names = ["variant", "other", "n", "n_other", "difference", "low", "high", "p", "improvement"]
    found = pd.DataFrame.from_records(records, columns=[*names, "improvement_low", "improvement_high"])
    found.insert(names.index("p") + 1, "p_holm", holm(found["p"].tolist()))
    return found


def best(values: dict[str, list[float]], level: float = 0.05) -> str | None:
    """The variant of the lowest mean, where its seeds say that it differs from every other; else None.

    Each variant needs SEEDS_FOR_SIGNIFICANCE seeds; p-values are adjusted over the comparisons with that variant. Of 5
    seeds each p is at least 1/126, so that more than 7 variants have no best: they need more seeds.
    """
    if len(values) < 2 or min(len(x) for x in values.values()) < SEEDS_FOR_SIGNIFICANCE:
        return None
    lowest = min(values, key=lambda variant: float(_array(values[variant]).mean()))
    p = holm([permutation_p(values[lowest], x) for variant, x in values.items() if variant != lowest])
    return lowest if max(p) <= level else None
