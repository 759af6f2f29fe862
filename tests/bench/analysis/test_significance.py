import itertools
import math

import numpy as np
import pytest
from scipy import stats

from bench.analysis import significance
from bench.analysis.significance import (
    best,
    holm,
    improvement,
    improvement_interval,
    interval,
    paired,
    pairwise,
    permutation_p,
    sign_flip_p,
    welch,
)

REPETITIONS = 2000
MARGIN = 3 * math.sqrt(0.05 * 0.95 / REPETITIONS)  # three standard deviations of a share of repetitions, 0.015
SIZES = [(3, 3), (3, 4), (3, 5), (5, 5), (6, 4)]


def samples(n: int, m: int, seed: int = 0) -> tuple[list[float], list[float]]:
    random = np.random.default_rng(seed)
    return random.normal(10, 1, n).tolist(), random.normal(11, 3, m).tolist()


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_intervals_are_scipys(n, m, level):
    a, b = samples(n, m)
    expected = stats.t.interval(level, n - 1, loc=np.mean(a), scale=stats.sem(a))
    assert interval(a, level) == pytest.approx(expected)
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(level)
    assert welch(a, b, level) == pytest.approx((expected.low, expected.high))


def test_intervals_cover_the_truth_as_often_as_they_say():
    random = np.random.default_rng(0)
    of_means, of_differences = [], []
    for _ in range(REPETITIONS):
        a, b = random.normal(10, 1, 5).tolist(), random.normal(12, 1.5, 5).tolist()
        low, high = interval(a)
        of_means.append(low <= 10 <= high)
        low, high = welch(a, b)
        of_differences.append(low <= -2 <= high)
    assert np.mean(of_means) == pytest.approx(0.95, abs=MARGIN)
    assert np.mean(of_differences) == pytest.approx(0.95, abs=MARGIN)


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_the_permutation_test_is_exact(n, m):
    def difference(x, y, axis):
        return np.mean(x, axis=axis) - np.mean(y, axis=axis)

    a, b = samples(n, m)
    reference = stats.permutation_test((a, b), difference, vectorized=True, n_resamples=10**6)
    # scipy doubles the smaller tail, which for groups of one size is the same.
    assert n != m or permutation_p(a, b) == pytest.approx(reference.pvalue)

    pooled, far = a + b, 0
    for chosen in itertools.combinations(range(n + m), n):
        rest = [pooled[i] for i in range(n + m) if i not in chosen]
        distance = abs(np.mean([pooled[i] for i in chosen]) - np.mean(rest))
        far += distance >= abs(np.mean(a) - np.mean(b)) * (1 - 1e-12)
    assert permutation_p(a, b) == pytest.approx(far / math.comb(n + m, n))


@pytest.mark.parametrize(("n", "least"), [(2, 1 / 3), (3, 0.1), (4, 1 / 35), (5, 1 / 126)])
def test_few_seeds_cannot_have_a_small_p_value(n, least):
    low, high = list(np.arange(n) / 7), list(np.arange(n) / 7 + 1e6)
    assert permutation_p(low, high) == pytest.approx(least)
    assert permutation_p([0.1] * n, [0.3] * n) == pytest.approx(least)


def test_rounding_does_not_hide_ties():
    assert permutation_p([0.1, 0.2], [0.3, 0.0]) == 1  # 0.1 + 0.2 is more than 0.3 in floating point
    tenths = [0.1, 0.2, 0.7, 0.6], [0.5, 0.3, 0.4, 0.9]
    whole = [[float(round(10 * x)) for x in group] for group in tenths]
    for offset in (0, 1e3, 1e5):
        assert permutation_p(*([x + offset for x in group] for group in tenths)) == permutation_p(*whole)
    thirds = [0.0, 0.5, 3.0], [1.0, 2.5, 3.0]  # whose mean rounds
    assert permutation_p(*([x + 2.0**40 for x in group] for group in thirds)) == permutation_p(*thirds)


def test_values_that_are_all_equal_do_not_differ():
    same = [0.1, 0.1, 0.1]
    assert permutation_p(same, same) == 1
    assert interval(same) == pytest.approx((0.1, 0.1))
    assert welch(same, same) == pytest.approx((0, 0))
    assert improvement(same, same) == 0.5
    assert improvement_interval(same, same) == (0.5, 0.5)


def test_above_the_most_splits_random_ones_are_drawn(monkeypatch):
    a, b = samples(6, 7)
    exact = permutation_p(a, b)
    significance._splits.cache_clear()
    monkeypatch.setattr(significance, "MOST_SPLITS", 1000)
    drawn = permutation_p(a, b)
    significance._splits.cache_clear()
    splits = significance.RANDOM_SPLITS
    assert drawn == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / splits))
    assert drawn != exact
    assert drawn * (splits + 1) == pytest.approx(round(drawn * (splits + 1)))
    assert permutation_p(list(range(15)), list(range(1000, 1015))) == 1 / (splits + 1)  # only the observed one


@pytest.mark.parametrize(("n", "m"), [(3, 5), (5, 5), (12, 12)])  # the last of random splits
def test_what_does_not_matter_does_not_matter(n, m):
    a, b = samples(n, m)
    p, (low, high), wins = permutation_p(a, b), welch(a, b), improvement(a, b)
    for x, y in ((a[::-1], b), (a, b[1:] + b[:1])):
        assert (permutation_p(x, y), improvement(x, y)) == (p, wins)
        assert welch(x, y) == pytest.approx((low, high))
    assert permutation_p(b, a) == p
    assert welch(b, a) == pytest.approx((-high, -low))
    assert improvement(b, a) == pytest.approx(1 - wins)
    x, y = ([100 + 7 * value for value in group] for group in (a, b))
    assert (permutation_p(x, y), improvement(x, y)) == (p, wins)
    assert welch(x, y) == pytest.approx((7 * low, 7 * high))
    assert improvement_interval(x, y) == improvement_interval(a, b)
    for scale in (1e-150, 1e150):  # squares of variances would under- or overflow
        expected = pytest.approx((low * scale, high * scale), rel=1e-9, abs=0)
        assert welch([v * scale for v in a], [v * scale for v in b]) == expected


def test_holm_of_a_textbook_example():
    """0.005 * 4, 0.01 * 3, then 0.03 * 2, and 0.04 * 1 raised to that."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, math.nan, 0.7, 0.01]) == pytest.approx([1, math.nan, 1, 0.03], nan_ok=True)
    assert holm([]) == []


def test_holm_adjusts_to_the_lowest_level_that_rejects():
    def rejected(p: list[float], level: float) -> set[int]:
        """Holm's procedure: step down from the smallest until one is too large for its share of the level."""
        rejected: set[int] = set()
        for rank, place in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
            if p[place] > level / (len(p) - rank):
                break
            rejected.add(place)
        return rejected

    random = np.random.default_rng(0)
    for size in (1, 2, 5, 9):
        p = (random.random(size) ** 3).tolist()
        for place, adjusted in enumerate(holm(p)):
            assert place not in rejected(p, adjusted * (1 - 1e-9))
            assert adjusted == 1 or place in rejected(p, adjusted * (1 + 1e-9))


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_improvement_is_mann_whitneys_u(n, m):
    a, b = ([float(round(x)) for x in group] for group in samples(n, m))  # some are equal
    assert improvement(a, b) == pytest.approx(stats.mannwhitneyu(b, a).statistic / (n * m))


def test_the_interval_of_improvement_resamples_the_seeds_of_both():
    a, b = samples(5, 6)
    low, high = improvement_interval(a, b)
    random = np.random.default_rng(1)
    draws = [improvement(random.choice(a, 5).tolist(), random.choice(b, 6).tolist()) for _ in range(4000)]
    assert (low, high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.04)
    assert low < improvement(a, b) < high
    assert improvement_interval([0, 2, 2], [1, 1, 1]) == improvement_interval([1, 1, 1], [0, 0, 2]) == (0, 1)
    assert improvement_interval([1, 2, 3], [4, 5, 6]) == (1, 1)


def by_seed(values: list[float], first: int = 0) -> dict[int, float]:
    return dict(enumerate(values, first))


def test_pairs_stand_in_the_given_order():
    a, b = samples(5, 6)
    values = {"second": by_seed(b), "first": by_seed(a), "one": {0: 3.0}, "none": {}}
    table = pairwise(values)
    assert list(table["variant"] + " " + table["other"]) == [
        *("second first", "second one", "second none"),
        *("first one", "first none", "one none"),
    ]
    assert table.columns.tolist() == [
        *("variant", "other", "n", "n_other", "difference", "low", "high", "p", "p_holm"),
        *("improvement", "improvement_low", "improvement_high"),
        *("paired_n", "paired_low", "paired_high", "paired_p", "paired_p_holm"),
    ]
    row = table.iloc[0]
    assert (row["n"], row["n_other"], row["difference"]) == (6, 5, pytest.approx(np.mean(b) - np.mean(a)))
    assert (row["low"], row["high"]) == welch(b, a)
    assert (row["p"], row["improvement"]) == (permutation_p(b, a), improvement(b, a))
    assert (row["improvement_low"], row["improvement_high"]) == improvement_interval(b, a)
    assert table["p_holm"].tolist() == pytest.approx(holm(table["p"].tolist()), nan_ok=True)
    assert table["p"].isna().tolist() == [False, True, True, True, True, True]  # of one seed there is no p
    assert table.equals(pairwise(values))
    assert (row["paired_n"], row["paired_low"], row["paired_high"], row["paired_p"]) == paired(by_seed(b), by_seed(a))
    assert len(pairwise({"alone": by_seed(a)})) == len(pairwise({})) == 0
    assert pairwise({}).columns.equals(table.columns)


def test_too_few_values_say_nothing():
    for a, b in (([], []), ([1.0], []), ([1.0, 2.0], [1.0, 2.0, 3.0])):
        for bounds in (welch(a, b), welch(b, a), improvement_interval(a, b), improvement_interval(b, a)):
            assert np.isnan(bounds).all()
    assert np.isnan([interval([]), interval([1.0, 2.0])]).all()
    for one in ([], [1.0]):
        assert math.isnan(permutation_p(one, [1.0, 2.0]))
        assert math.isnan(improvement([1.0, 2.0], one))
        assert math.isnan(sign_flip_p(one))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_seeds_that_did_not_finish_are_refused(bad):
    a, b = [1.0, 2.0, bad, 4.0, 5.0], [1.0, 2.0, 3.0, 4.0, 5.0]
    calls = [lambda: interval(a), lambda: best({"a": a, "b": b}), lambda: pairwise({"a": by_seed(a), "b": by_seed(b)})]
    calls += [lambda f=f: f(b, a) for f in (welch, permutation_p, improvement, improvement_interval)]
    for call in calls:
        with pytest.raises(ValueError, match="finite"):
            call()


def apart(variants: int, seeds: int) -> dict[str, list[float]]:
    return {f"v{i}": [10.0 * i + 0.1 * seed for seed in range(seeds)] for i in reversed(range(variants))}


def test_the_best_differs_from_every_other():
    assert best(apart(3, 5)) == "v0"
    assert best(apart(3, 5) | {"v3": apart(1, 5)["v0"]}) is None  # as good as v0
    assert best(apart(3, 5) | {"v3": [25.0] * 4}) is None  # too few seeds, though of one that is worse
    assert best(apart(3, 4)) is None
    assert best(apart(3, 4), level=0.5) is None
    assert best(apart(3, 5), level=0.005) is None
    assert best(apart(1, 5)) is None
    assert best({}) is None


def test_the_number_of_rivals_does_not_raise_what_the_best_needs():
    """Beating all others is one claim, not a choice of the most favourable of many."""
    assert best(apart(40, 5)) == "v0"


def test_the_differences_within_seeds_are_scipys_paired_tests():
    random = np.random.default_rng(0)
    common = random.normal(size=8)
    a, b = common + 0.1 * random.normal(size=8), common + 0.1 * random.normal(size=8) - 0.2
    n, low, high, p = paired(by_seed(a.tolist()), by_seed(b.tolist()))
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (n, low, high) == (8, pytest.approx(expected.low), pytest.approx(expected.high))
    exact = stats.permutation_test((a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=10**4)
    assert p == pytest.approx(exact.pvalue)
    wide = welch(a.tolist(), b.tolist())
    assert high - low < (wide[1] - wide[0]) / 3, "what the seeds share is removed"


def test_only_common_seeds_are_paired():
    a, b = {0: 1.0, 1: 2.0, 5: 9.0, 8: 4.0}, {1: 1.0, 5: 7.0, 6: 100.0, 8: 1.0}
    assert paired(a, b)[0] == 3
    assert sum(paired(a, b)[1:3]) / 2 == pytest.approx(2)
    assert math.isnan(paired(a, {7: 1.0})[3])


@pytest.mark.parametrize(("n", "least"), [(2, 0.5), (5, 1 / 16), (6, 1 / 32)])
def test_the_least_p_of_random_signs(n, least):
    assert sign_flip_p([1.0 + 0.1 * i for i in range(n)]) == least


def test_random_signs_of_many_differences_are_near_the_normal_test():
    x = (np.random.default_rng(1).normal(size=40) + 0.3).tolist()
    assert sign_flip_p(x) == pytest.approx(float(stats.ttest_1samp(x, 0).pvalue), abs=0.02)


@pytest.mark.parametrize("variants", [2, 3, 20])
def test_where_nothing_differs_a_best_is_seldom_found(variants):
    random = np.random.default_rng(variants)
    draws = [{str(i): random.normal(size=5).tolist() for i in range(variants)} for _ in range(REPETITIONS)]
    assert np.mean([best(values) is not None for values in draws]) < 0.05 + MARGIN
