"""Intervals and tests of differences between variants on one data set. Lower values are better.

Training seeds are the unit of replication: a list holds one finite value per finished seed. Random parts are seeded.
Headline comparisons do not pair seeds; that was fixed before any result (`paired` gives the other view).
Imports neither torch nor ray.
"""

import functools
import itertools
import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from bench.analysis.power import LEVEL, SEEDS_FOR_SIGNIFICANCE

BySeed = Mapping[int, float]  # seed -> value
SEEDS_FOR_PAIRS = 6  # common seeds: with 5 no p-value of `sign_flip_p` is below 0.0625
SEEDS_FOR_INTERVAL = 3  # the t interval of two values is 12.7 standard errors wide to each side
RESAMPLES = 2000  # of a bootstrap
MOST_SPLITS = 200_000  # above this number (more than 10 + 10 seeds) splits are sampled, not enumerated
RANDOM_SPLITS = 100_000  # sampled splits
ROWS = 1024  # splits at a time; products of larger blocks start threads, which on a busy machine wait for each other
NO_INTERVAL = (math.nan, math.nan)  # of too few values


def _array(values: list[float]) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if not np.isfinite(array).all():
        raise ValueError("only finite values can be compared: leave out seeds that did not finish")
    return array


def _around(centre: float, error: float, freedom: float, level: float) -> tuple[float, float]:
    from scipy.special import stdtrit  # Student's quantile; scipy.stats takes several times as long to import

    half = float(stdtrit(freedom, (1 + level) / 2)) * error
    return centre - half, centre + half


def interval(values: list[float], level: float = 0.95) -> tuple[float, float]:
    """Return Student's t interval of the mean; (nan, nan) for fewer than SEEDS_FOR_INTERVAL values."""
    x = _array(values)
    if len(x) < SEEDS_FOR_INTERVAL:
        return NO_INTERVAL
    return _around(float(x.mean()), float(x.std(ddof=1)) / math.sqrt(len(x)), len(x) - 1, level)


def pooled_spread(values: Mapping[str, list[float]]) -> float:
    """Return the pooled standard deviation of the logarithms of positive values; nan without two of one variant."""
    logs = [np.log(_array(each)) for each in values.values() if len(each) > 1 and min(each) > 0]
    freedom = sum(len(x) - 1 for x in logs)
    return math.sqrt(sum(float(((x - x.mean()) ** 2).sum()) for x in logs) / freedom) if freedom else math.nan


def welch(a: list[float], b: list[float], level: float = 0.95) -> tuple[float, float]:
    """Return the interval of mean(a) - mean(b) with unequal variances.

    (nan, nan) if either has fewer than SEEDS_FOR_INTERVAL values. The inversion of Welch's test, with Satterthwaite's
    degrees of freedom.
    """
    x, y = _array(a), _array(b)
    if min(len(x), len(y)) < SEEDS_FOR_INTERVAL:
        return NO_INTERVAL
    first, second = float(x.var(ddof=1)) / len(x), float(y.var(ddof=1)) / len(y)
    share = (
        first / (first + second) if first + second > 0 else 0.5
    )  # squares of shares do not underflow; squares of variances do
    freedom = 1 / (share**2 / (len(x) - 1) + (1 - share) ** 2 / (len(y) - 1))
    return _around(float(x.mean() - y.mean()), math.sqrt(first + second), freedom, level)


@functools.lru_cache(maxsize=4)  # most pairs of variants have the same numbers of seeds
def _splits(size: int, chosen: int) -> np.ndarray:
    """All (or random) choices of `chosen` out of `size`: int8 [splits, size], 1 where chosen; the first are the first.

    A matrix of members, because its product with values is several times as fast as picking them out.
    """
    if math.comb(size, chosen) <= MOST_SPLITS:
        chain = itertools.chain.from_iterable(itertools.combinations(range(size), chosen))
        positions = np.fromiter(chain, np.intp).reshape(-1, chosen)
    else:
        drawn = np.random.default_rng(0).random((RANDOM_SPLITS, size)).argsort(axis=1)[:, :chosen]
        positions = np.vstack([np.arange(chosen), drawn])
    members = np.zeros((len(positions), size), dtype=np.int8)
    np.put_along_axis(members, positions, 1, axis=1)
    return members


@functools.lru_cache(maxsize=4)
def _signs(size: int) -> np.ndarray:
    """All (or random) signs of `size` values: int8 [flips, size], 1 or -1; the first are all 1."""
    if 2**size <= MOST_SPLITS:
        negative = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
    else:
        negative = np.random.default_rng(0).integers(2, size=(RANDOM_SPLITS, size))
        negative = np.vstack([np.zeros(size, dtype=int), negative])
    return (1 - 2 * negative).astype(np.int8)


def _sums(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The product of small integers [n, size] with values [size], in blocks: all rows as floats may be gigabytes."""
    starts = range(0, len(rows), ROWS)
    return np.concatenate([rows[start : start + ROWS].astype(float) @ values for start in starts])


def permutation_p(a: list[float], b: list[float]) -> float:
    """Return the two-sided permutation p-value of the difference of means; nan if either has fewer than two values.

    Exact over all splits of the values into two groups of these sizes, up to MOST_SPLITS. Above, the p-value is
    (1 + number of splits as far apart) / (1 + RANDOM_SPLITS).

    The null hypothesis is that both samples have one distribution, not only equal means. For normal values with equal
    means but three times the spread in one sample, 5 + 5 values have p <= 0.05 in 8% of cases. For 10 + 5 values it is
    16% if the 5 have the larger spread. So compare equal numbers of seeds, and see `welch`.
    """
    # A fixed order makes random splits symmetric in a and b, and enumerates the smaller sample.
    first, second = sorted([sorted(a), sorted(b)], key=lambda sample: (len(sample), sample))
    pooled = _array(first + second)
    if len(first) < 2:
        return math.nan
    pooled = pooled - pooled[0]  # avoids rounding of the mean if large values differ little
    pooled = pooled - pooled.mean()
    distances = np.abs(_sums(_splits(len(pooled), len(first)), pooled))  # proportional to the difference of means
    rounding = 1e-9 * np.abs(pooled).max()  # relative to the values, since the difference may be zero
    return float((distances >= distances[0] - rounding).mean())  # the first split is the observed one


def holm(p: list[float]) -> list[float]:
    """Return Holm-adjusted p-values of one family, in the same order; nan stays nan and does not count.

    Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.
    """
    known = sorted((value, index) for index, value in enumerate(p) if not math.isnan(value))
    adjusted, highest = [math.nan] * len(p), 0.0
    for rank, (value, index) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * value))
        adjusted[index] = highest
    return adjusted


def _wins(a: list[float], b: list[float]) -> np.ndarray:
    """1 where the value of a is lower, 0.5 where both are equal; [len(a), len(b)]."""
    x, y = _array(a)[:, None], _array(b)[None, :]
    return (x < y) + 0.5 * (x == y)


def improvement(a: list[float], b: list[float]) -> float:
    """Return P(A < B) + P(A = B) / 2 over all pairs of seeds, Mann-Whitney's U / (n m).

    It is nan if either list has fewer than two values.

    The probability of improvement of Agarwal et al., arXiv 2108.13264, section 4.3, for one task.
    """
    return float(_wins(a, b).mean()) if min(len(a), len(b)) > 1 else math.nan


def improvement_interval(a: list[float], b: list[float], level: float = 0.95) -> tuple[float, float]:
    """Return the bootstrap percentile interval of `improvement`; (nan, nan) below SEEDS_FOR_INTERVAL seeds.

    Too narrow for few seeds: if all of a lie below all of b, it is (1, 1).
    """
    if min(len(a), len(b)) < SEEDS_FOR_INTERVAL:
        return NO_INTERVAL
    first, second = _resampled(len(a), len(b))
    # Counts replace the n m pairs of every resample; sums of halves are exact.
    return percentiles(((first @ _wins(a, b)) * second).sum(axis=1) / (len(a) * len(b)), level)


@functools.lru_cache(maxsize=4)
def _resampled(n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """How often a bootstrap of two samples draws each value: [RESAMPLES, n] and [RESAMPLES, m]."""
    random = np.random.default_rng(0)
    first = _counts(random.integers(n, size=(RESAMPLES, n)), n)
    return first, _counts(random.integers(m, size=(RESAMPLES, m)), m)


def _counts(drawn: np.ndarray, size: int) -> np.ndarray:
    flat = drawn + size * np.arange(len(drawn))[:, None]
    return np.bincount(flat.ravel(), minlength=len(drawn) * size).reshape(-1, size).astype(float)


def percentiles(draws: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return the central interval that contains `level` of the draws of a bootstrap."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def sign_flip_p(differences: list[float]) -> float:
    """Return the two-sided p-value of the mean of paired differences, under random signs; nan for fewer than two.

    Exact over all signs up to MOST_SPLITS, else over RANDOM_SPLITS random ones. n differences have p >= 2 / 2^n, so 5
    cannot be significant at 5% and 6 can.
    """
    x = _array(differences)
    if len(x) < 2:
        return math.nan
    sums = np.abs(_sums(_signs(len(x)), x))
    return float((sums >= sums[0] - 1e-9 * np.abs(x).max()).mean())  # the first signs are those observed


def paired(a: BySeed, b: BySeed) -> tuple[int, float, float, float]:
    """Compare two variants within their common seeds.

    Variants with the same seed share their first weights and the order of the images, so their results may be
    correlated. Differences within seeds remove what is common.

    Returns:
        The number of common seeds, Student's t interval of the mean difference, and the p-value of `sign_flip_p`.
    """
    differences = [a[seed] - b[seed] for seed in sorted(a.keys() & b.keys())]
    return len(differences), *interval(differences), sign_flip_p(differences)


def pairwise(values: Mapping[str, BySeed]) -> pd.DataFrame:
    """Return one row per pair of variants, in the order of `values` (variant -> seed -> value).

    Columns: variant, other, their numbers of seeds n and n_other; difference of their means, negative if `variant` is
    better, and its Welch interval low, high; p, and p_holm over all rows; improvement, the probability that a seed of
    `variant` is better than a seed of `other`, and its interval; and the results of `paired`: paired_n, paired_low,
    paired_high, paired_p, and paired_p_holm over all rows.
    """
    records = []
    for (variant, of_variant), (other, of_other) in itertools.combinations(values.items(), 2):
        a, b = list(of_variant.values()), list(of_other.values())
        difference = float(_array(a).mean() - _array(b).mean()) if a and b else math.nan
        probabilities = (permutation_p(a, b), improvement(a, b), *improvement_interval(a, b))
        within = paired(of_variant, of_other)
        records.append((variant, other, len(a), len(b), difference, *welch(a, b), *probabilities, *within))
    names = ["variant", "other", "n", "n_other", "difference", "low", "high", "p", "improvement"]
    names += ["improvement_low", "improvement_high", "paired_n", "paired_low", "paired_high", "paired_p"]
    pairs = pd.DataFrame.from_records(records, columns=names)
    for p in ("p", "paired_p"):
        pairs.insert(list(pairs.columns).index(p) + 1, f"{p}_holm", holm(pairs[p].tolist()))
    return pairs


def best(values: dict[str, list[float]], level: float = LEVEL) -> str | None:
    """Return the variant with the lowest mean if it differs significantly from every other, else None.

    Each variant needs SEEDS_FOR_SIGNIFICANCE seeds. p-values are not adjusted: the claim is that the variant beats all
    others, and it is made only if every comparison is significant (an intersection-union test; Berger, Technometrics
    24, 1982), so its error rate is at most `level` for any number of variants.
    """
    if len(values) < 2 or min(len(x) for x in values.values()) < SEEDS_FOR_SIGNIFICANCE:
        return None
    lowest = min(values, key=lambda variant: float(_array(values[variant]).mean()))
    p = [permutation_p(values[lowest], x) for variant, x in values.items() if variant != lowest]
    return lowest if max(p) <= level else None
