"""Claims: their effects are scipy's, and each verdict follows from the numbers."""

import math

import numpy as np
import pytest
from scipy import stats

from bench.analysis import claims, power
from bench.analysis.claims import Criteria, Verdict, compare, difference, ratio, spread, times

NEAR = [10.0, 10.01, 10.02, 9.99, 9.98, 10.005]


def draws(mean: float, sd: float, n: int = 8, seed: int = 0) -> list[float]:
    return np.exp(np.random.default_rng(seed).normal(math.log(mean), sd, n)).tolist()


def verdicts(values: dict[str, list[float]], how=ratio) -> dict[str, str]:
    table = compare("is better", values, "mine", how)
    return dict(zip(table["rival"], table["verdict"], strict=True))


def test_a_ratio_is_that_of_geometric_means_with_welchs_interval_of_the_logarithms():
    a, b = draws(4, 0.2), draws(5, 0.1, 6, 1)
    effect = ratio(a, b)
    expected = stats.ttest_ind(np.log(a), np.log(b), equal_var=False).confidence_interval(0.95)
    assert effect.value == pytest.approx(stats.gmean(a) / stats.gmean(b))
    assert (effect.low, effect.high) == pytest.approx((math.exp(expected.low), math.exp(expected.high)))
    assert effect.better
    assert ratio(b, a).value == pytest.approx(1 / effect.value)


def test_each_verdict():
    rivals = {"worse": draws(8, 0.05, seed=1), "better": draws(2, 0.05, seed=2), "alike": draws(4, 0.2, seed=3)}
    found = verdicts({"mine": draws(4, 0.05)} | rivals)
    assert found == {"worse": Verdict.better, "better": Verdict.worse, "alike": Verdict.undecided}
    assert verdicts({"mine": NEAR, "same": NEAR[::-1]}) == {"same": Verdict.same}
    assert verdicts({"mine": NEAR, "2% more": [1.02 * x for x in NEAR]}) == {"2% more": Verdict.same}
    assert verdicts({"mine": NEAR[:4], "few": [100.0] * 4}) == {"few": Verdict.undecided}


def test_a_difference_beyond_the_margin_is_never_called_none():
    """Two one-sided tests err in at most 5% of cases at the margin itself."""
    random = np.random.default_rng(0)
    shifted = math.log1p(claims.MARGIN)
    errors = [
        difference(
            (random.normal(shifted, 0.03, 6)).tolist(), random.normal(0, 0.03, 6).tolist(), Criteria(shifted)
        ).same
        for _ in range(1000)
    ]
    assert np.mean(errors) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)


def test_p_values_are_adjusted_over_the_rivals():
    values = {"mine": draws(4, 0.1)} | {f"r{i}": draws(4.6, 0.1, seed=i + 1) for i in range(6)}
    table = compare("is better", values, "mine", ratio)
    assert (table["p_holm"] >= table["p"]).all()
    assert table["p_holm"].min() == pytest.approx(6 * table["p"].min())


def test_a_missed_target_is_slower_than_any_time_and_has_no_ratio():
    reached, missed = [100.0, 200.0, 150.0, 120.0, 130.0], [math.inf] * 5
    effect = times(reached, missed)
    assert effect.better
    assert math.isnan(effect.value)
    assert effect.p == pytest.approx(2 / 252)
    assert effect.note == f"the target was reached by 5 of 5 against 0 of 5 seeds; tested: {claims.RANKS}"
    assert verdicts({"mine": missed, "r": reached}, times) == {"r": Verdict.worse}
    assert verdicts({"mine": missed, "r": missed}, times) == {"r": Verdict.undecided}
    assert times(reached, draws(300, 0.1)).value == ratio(reached, draws(300, 0.1)).value


def test_steadiness_is_the_ratio_of_the_spreads_with_its_f_interval():
    a, b = draws(4, 0.05, 30), draws(9, 0.5, 25, 1)
    effect = spread(a, b)
    variances = np.var(np.log(a), ddof=1) / np.var(np.log(b), ddof=1)
    low, high = (variances / stats.f.ppf(q, 29, 24) for q in (0.975, 0.025))
    assert effect.value == pytest.approx(math.sqrt(variances))
    assert (effect.low, effect.high) == pytest.approx((math.sqrt(low), math.sqrt(high)))
    assert effect.better
    assert effect.p < 0.01
    assert math.isnan(spread([1.0, 1.0], [1.0, 2.0]).p)


@pytest.mark.parametrize("distance", [0.1, 0.2])
def test_as_many_seeds_as_are_named_decide_in_most_cases(distance):
    """The estimate aims at a power of 80%, at the true difference and spread."""
    needed = int(power.needed(distance, 0.15, math.log1p(claims.MARGIN)))
    random = np.random.default_rng(1)
    a, b = random.normal(0, 0.15, (400, needed)), random.normal(distance, 0.15, (400, needed))
    assert 0.7 < np.mean(stats.ttest_ind(a, b, axis=1).pvalue <= 0.05) < 0.9


def test_without_the_baseline_or_a_rival_nothing_is_claimed():
    for values in ({}, {"mine": NEAR}, {"other": NEAR}, {"mine": [], "other": NEAR}):
        table = compare("is better", values, "mine", ratio)
        assert table.empty
        assert list(table.columns) == claims.COLUMNS


@pytest.mark.parametrize(("rivals", "values"), [(1, 5), (6, 5), (7, 6), (23, 6), (24, 7)])
def test_more_rivals_need_more_seeds_before_any_test_can_be_significant(rivals, values):
    """The least p of n + n values is 2 / C(2n, n); Holm multiplies it by the number of rivals."""
    assert power.fewest(rivals) == values
    assert 2 * rivals / math.comb(2 * values, values) <= power.LEVEL
    if values > 5:
        assert 2 * rivals / math.comb(2 * (values - 1), values - 1) > power.LEVEL


def test_one_outlier_does_not_promise_a_verdict_on_spread_soon():
    """The ratio of standard deviations is far from 1, but the test compares distances from the median."""
    steady, with_outlier = [4.3, 4.1, 4.2, 4.4, 4.0, 4.2], [4.2, 4.1, 4.3, 4.0, 4.4, 6.8]
    effect = claims.spread(steady, with_outlier)
    assert effect.value < 0.3
    assert effect.p > 0.05
    assert not effect.needed <= 2 * len(steady)
