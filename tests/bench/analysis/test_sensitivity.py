"""The effect of settings and seeds on a score, on grids small enough to work out by hand."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

from bench.analysis import search, sensitivity

E = math.e


def grid(scores: Mapping[Any, list[Any]], name: str = "weight") -> pd.DataFrame:
    """(variant, learning rate, weight) -> scores of seeds 0, 1, ...; an infinite one diverged."""
    records = [
        {"trial": f"{variant}{rate}{weight}{seed}", "method": variant, "variant": variant, "seed": seed}
        | {"state": "diverged" if score == math.inf else "done", "score": score, "train_seconds": 1.0 + seed}
        | {"learning_rate": rate, name: weight}
        for (variant, rate, weight), values in scores.items()
        for seed, score in enumerate(values)
    ]
    return pd.DataFrame.from_records(records)


def only(results: pd.DataFrame) -> pd.Series:
    result = sensitivity.spread(results)
    assert len(result) == 1
    return result.iloc[0]


def test_the_best_is_a_setting_and_what_is_near_it_are_trials():
    result = only(grid({("m", 0.1, 1): [10, 12], ("m", 0.1, 2): [8, 20], ("m", 0.2, 1): [12.1, 30]}))
    assert result["trials"] == 6
    assert result["best"] == 11  # not the lucky 8
    assert result["near_best_share"] == pytest.approx(4 / 6)  # 8, 10, 12 and, at the bound, 12.1
    assert (result["median"], result["worst"]) == (pytest.approx(12.05), 30)


def test_a_setting_of_which_a_seed_diverged_is_not_the_best_one():
    result = only(grid({("m", 0.1, 1): [1, math.inf], ("m", 0.1, 2): [4, 4]}))
    assert (result["best"], result["diverged_share"], result["worst"]) == (4, 0.25, 4)
    assert result["near_best_share"] == 0.75
    assert result["median"] == 4


def test_where_everything_diverged_nothing_is_near_the_best():
    result = only(grid({("m", 0.1, 1): [math.inf, math.inf], ("m", 0.1, 2): [math.inf]}))
    assert (result["best"], result["median"], result["diverged_share"], result["near_best_share"]) == (
        math.inf,
        math.inf,
        1,
        0,
    )
    assert result[["worst", "seed_sd_log", "setting_sd_log"]].isna().all()
    half = only(grid({("m", 0.1, 1): [1, math.inf], ("m", 0.1, 2): [math.inf, 2]}))
    assert (half["best"], half["near_best_share"], half["worst"]) == (math.inf, 0, 2)


def test_a_stopped_trial_counts_but_did_not_diverge_and_a_failed_one_did():
    results = grid({("m", 0.1, 1): [1], ("m", 0.1, 2): [math.inf], ("m", 0.1, 3): [math.inf], ("m", 0.1, 4): [5]})
    results["state"] = ["done", "stopped", "failed", "done"]
    assert only(results)["diverged_share"] == 0.25
    assert only(results)["near_best_share"] == 0.25
    lost = results.assign(score=[1, math.inf, math.inf, math.nan])  # without a score it was no better than infinite
    assert (only(lost)["worst"], only(lost)["median"]) == (1, math.inf)


def test_deviations_are_those_of_logarithms_within_and_between_settings():
    scores = {("m", 0.1, 1): [1, E**2], ("m", 0.1, 2): [E**4, E**4], ("m", 0.2, 1): [E**7], ("m", 0.2, 2): [math.inf]}
    result = only(grid(scores))
    # Within: squares 1 + 1 and 0, of 1 degree of freedom each. Between: means 1, 4 and 7.
    assert result["seed_sd_log"] == pytest.approx(1)
    assert result["setting_sd_log"] == pytest.approx(3)
    three = only(grid({("m", 0.1, 1): [1, E, E**2], ("m", 0.1, 2): [1, E**2]}))
    assert three["seed_sd_log"] == pytest.approx(math.sqrt((2 + 2) / (2 + 1)))  # pooled by degrees of freedom


def test_single_seeds_say_nothing_of_luck_and_a_single_setting_nothing_of_settings():
    single = only(grid({("m", 0.1, 1): [1], ("m", 0.1, 2): [E]}))
    assert math.isnan(single["seed_sd_log"])
    assert single["setting_sd_log"] == pytest.approx(math.sqrt(0.5))
    assert math.isnan(only(grid({("m", 0.1, 1): [1, 2]}))["setting_sd_log"])


def test_variants_stand_in_their_order_and_do_not_mix():
    scores = {("n", 0.1, 1): [5, 5], ("m", 0.1, 1): [1, 1]}
    result = sensitivity.spread(grid(scores)).set_index("variant")
    assert result.index.tolist() == ["n", "m"]
    assert result["best"].to_dict() == {"n": 5, "m": 1}
    assert (result["near_best_share"] == 1).all()


SCORES = {
    ("m", 0.1, 1): [4, 6],
    ("m", 0.2, 1): [2, 9],
    ("m", 0.1, 10): [1, math.inf],
    ("m", 0.2, 10): [7, 7],
    ("m", 0.1, 0.1): [3, math.inf],
    ("m", 0.2, 0.1): [math.inf, math.inf],
}


def test_lines_are_of_the_best_setting_at_each_value_and_reach_over_all_its_trials():
    result = sensitivity.lines(grid(SCORES), "weight")
    assert result["value"].tolist() == [0.1, 1, 10]
    assert result["mean"].tolist() == [math.inf, 5, 7]
    assert result["least"].tolist() == [3, 2, 1]
    assert result["greatest"].tolist() == [3, 9, 7]
    assert (result["n"].tolist(), result["failed"].tolist()) == ([4, 4, 4], [3, 0, 1])
    rates = sensitivity.lines(grid(SCORES), "learning_rate")
    assert (rates["value"].tolist(), rates["mean"].tolist()) == ([0.1, 0.2], [5, 5.5])


def test_lines_leave_out_variants_without_the_hyperparameter_and_take_options_that_are_words():
    results = pd.concat([grid(SCORES), grid({("v", 0.1, 3): [1, 2]}, "beta")], ignore_index=True)
    results["scale"] = ["log" if each == "v" else math.nan for each in results["variant"]]
    assert set(sensitivity.lines(results, "weight")["variant"]) == {"m"}
    words = sensitivity.lines(results, "scale")
    assert words[["variant", "value", "mean"]].to_numpy().tolist() == [["v", "log", 1.5]]
    assert set(sensitivity.lines(results, "learning_rate")["variant"]) == {"m", "v"}
    gone = grid({("m", 0.1, 1): [math.inf]})
    assert sensitivity.lines(gone, "weight")[["mean", "least"]].isna().to_numpy().tolist() == [[False, True]]


def test_a_hyperparameter_that_a_method_has_not_sets_no_trials_apart():
    """nan counts as a value of its own; the setting is not dropped."""
    both = pd.concat([grid({("m", 0.1, 1): [1, E**2]}), grid({("v", 0.1, 3): [1, E**2]}, "beta")], ignore_index=True)
    result = sensitivity.spread(both)
    assert result["seed_sd_log"].tolist() == pytest.approx([math.sqrt(2)] * 2)
    assert result["best"].tolist() == pytest.approx([(1 + E**2) / 2] * 2)


def test_what_is_varied_is_varied_within_a_variant():
    one = grid({("m", 0.1, 1): [1], ("m", 0.1, 2): [1]})
    two = grid({("n", 0.2, 5): [1], ("n", 0.2, 6): [1]}, "beta")
    both = pd.concat([one, two], ignore_index=True).assign(point=range(4), prior="sphere", queue_size=256)
    assert search.varied(both) == ["weight", "beta"]
    assert search.varied(grid(SCORES)) == ["learning_rate", "weight"]
    assert search.varied(one.iloc[:1]) == []


def test_neither_the_order_of_trials_nor_the_unit_of_the_score_matters():
    results = grid(SCORES)
    mixed = results.sample(frac=1, random_state=0)
    one, two = (sensitivity.spread(each).drop(columns="variant") for each in (results, mixed))
    pd.testing.assert_frame_equal(one, two)
    pd.testing.assert_frame_equal(sensitivity.lines(results, "weight"), sensitivity.lines(mixed, "weight"))
    scaled = sensitivity.spread(results.assign(score=7 * results["score"]))
    same = ["diverged_share", "near_best_share", "seed_sd_log", "setting_sd_log"]
    pd.testing.assert_frame_equal(scaled[same], one[same])
    assert scaled["best"].tolist() == pytest.approx((7 * one["best"]).tolist())


def test_ranges_are_those_of_numbers_that_were_varied():
    results = grid({("m", 0.1, 1): [10], ("m", 0.4, 8): [8], ("n", 0.1, 3): [9], ("n", 0.1, 3.5): [9]})
    results["kind"] = ["a", "b", "a", "a"]
    ranges = {(r.variant, r.setting): (r.low, r.high) for r in sensitivity.ranges(results).itertuples()}
    assert ranges == {("m", "learning_rate"): (0.1, 0.4), ("m", "weight"): (1, 8), ("n", "weight"): (3, 3.5)}
