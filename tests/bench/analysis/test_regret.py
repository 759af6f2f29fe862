"""Defaults over several data sets: the point of the lowest mean regret, its exceptions, and how weights transfer."""

import math

import pandas as pd
import pytest
from groups import search_results

from bench.analysis import regret

# Scores of the second seed are higher by 1, so the means of points are those below plus 0.5.
ONE = {"m": [9.5, 19.5, 99.5], "n": [1.5, 3.5, math.inf]}
TWO = {"m": [399.5, 119.5, 99.5], "n": [11.5, 3.5, 1.5], "only here": [1.0]}


@pytest.fixture
def searches() -> dict[str, pd.DataFrame]:
    return {"one": search_results(ONE), "two": search_results(TWO)}


def test_the_default_is_nowhere_bad_rather_than_best_somewhere(searches):
    table = regret.regrets(searches)
    chosen = regret.defaults(table).set_index("variant")
    assert dict(chosen["point"]) == {"m": 1, "n": 1}
    assert chosen.loc["m", ["one", "two"]].tolist() == [20.0, 120.0]
    assert chosen.loc["m", ["one_regret", "two_regret"]].tolist() == pytest.approx([1.0, 0.2])
    assert chosen.loc["m", "regret"] == pytest.approx((math.log(2) + math.log(1.2)) / 2)


def test_points_that_did_not_finish_somewhere_and_variants_of_one_data_set_are_left_out(searches):
    table = regret.regrets(searches)
    assert sorted(zip(table["variant"], table["point"], strict=True)) == [
        *[("m", k) for k in range(3)],
        *[("n", k) for k in range(2)],
    ]


def test_exceptions_are_where_a_default_costs_more_than_is_allowed(searches):
    chosen = regret.defaults(regret.regrets(searches))
    assert regret.exceptions(chosen, searches) == [("m", "one"), ("m", "two"), ("n", "one"), ("n", "two")]
    assert regret.exceptions(chosen.assign(one_regret=0.14, two_regret=[0.16, 0.0]), searches) == [("m", "two")]


def test_what_more_points_would_gain_is_the_excess_of_the_expected_best():
    gains = regret.gains({"one": search_results(ONE)}, counts=(1, 2, 3, 4)).set_index("variant")
    assert list(gains["points"]) == [3, 3]
    # Means are 10, 20 and 100: of two points, the best is 10 with probability 2/3, and 20 otherwise.
    assert gains.loc["m", ["1", "2", "3"]].tolist() == pytest.approx([130 / 3 / 10 - 1, 40 / 3 / 10 - 1, 0.0])
    # A point that did not finish counts as 4, the worst that did.
    assert gains.loc["n", ["1", "2", "3"]].tolist() == pytest.approx([10 / 3 / 2 - 1, 8 / 3 / 2 - 1, 0.0])
    assert "4" not in gains


def with_weights(scores: list[float], weights: list[float], name: str = "weight") -> pd.DataFrame:
    results = search_results({"m": scores}).drop(columns="weight")
    return results.assign(**{name: [weights[point] for point in results["point"]]})


def test_relative_weights_that_agree_differ_in_absolute_units_by_the_ratio_of_the_variances():
    searches = {
        "one": with_weights([1.0, 2.0, 9.0], [0.1, 1.0, 100.0]),
        "two": with_weights([2.0, 1.0, 9.0], [0.1, 1.0, 100.0]),
    }
    [row] = regret.weights(searches, {"one": 10.0, "two": 500.0}, count=2).to_dict("records")
    assert (row["one"], row["two"]) == (pytest.approx(0.1**0.5), pytest.approx(0.1**0.5))
    assert row["relative_spread"] == pytest.approx(1)
    assert row["absolute_spread"] == pytest.approx(50)


def test_a_vaes_beta_is_absolute():
    searches = {name: with_weights([1.0, 2.0], [0.2, 3.0], "beta") for name in ("one", "two")}
    [row] = regret.weights(searches, {"one": 10.0, "two": 500.0}, count=1).to_dict("records")
    assert (row["relative_spread"], row["absolute_spread"]) == (pytest.approx(50), pytest.approx(1))
