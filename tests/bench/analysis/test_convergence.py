"""Time to a target, area and roughness of training curves, on curves small enough to work out by hand."""

import math

import pandas as pd
import pytest

from bench.analysis import convergence

METRIC = "fd_classifier_1k"
STEPS = (1, 10, 100)  # equally far apart in the logarithm


def frames(*curves, states=None, steps=STEPS):
    """Trials a, b, ... from (variant, values at `steps`); 50 images and a tenth of a second a step."""
    records, trials = [], []
    for seed, (variant, values) in enumerate(curves):
        key = {"trial": "abcdefgh"[seed], "variant": variant, "method": variant, "seed": seed}
        state = states[seed] if states else "done"
        trials.append(key | {"prior": "normal", "state": state, "stale": False})
        for step, value in zip(steps, values, strict=False):
            records.append(key | {"step": step, "images_seen": 50 * step, "train_seconds": step / 10, METRIC: value})
    return pd.DataFrame(records), pd.DataFrame(trials)


def test_a_target_of_the_protocol_was_fixed_beforehand():
    assert convergence.target(*frames(("m", (3, 2, 1))), METRIC, 4.0, "m") == convergence.Target(
        4.0, True, "the protocol"
    )


def test_a_reference_gives_the_median_of_its_finished_seeds_and_that_is_said():
    rows, trials = frames(
        ("m", (9, 9, 1)), ("m", (9, 9, 2)), ("m", (9, 9, 6)), ("m", (9, 0.1)), ("n", (9, 9, 8)),
        states=["done", "done", "done", "diverged", "done"],
    )  # fmt: skip
    result = convergence.target(rows, trials, METRIC, None, "m")
    assert result == convergence.Target(2.0, False, f"the median final {METRIC} of m, chosen afterwards")
    stale = trials.assign(stale=trials["variant"] == "m")
    assert convergence.target(rows, stale, METRIC, None, "m") is None


def test_without_a_reference_half_of_the_variants_can_reach_the_target():
    four = [("w", (9, 9, 8)), ("x", (9, 9, 2)), ("y", (9, 9, 4)), ("z", (9, 9, 1))]
    result = convergence.target(*frames(*four), METRIC, None, None)
    assert result is not None
    assert (result.value, result.beforehand) == (2.0, False)
    assert result.source == f"the median final {METRIC} of x (the median of 4 variants), chosen afterwards"
    assert convergence.times(*frames(*four), METRIC, result.value)["reached"].tolist() == [False, True, False, True]
    three = convergence.target(*frames(*four[:3]), METRIC, None, None)
    assert three is not None
    assert three.value == 4.0


def test_where_nothing_finished_there_is_no_target():
    for values in ((3, 2), (3, math.nan)):
        assert convergence.target(*frames(("m", values), states=["failed"]), METRIC, None, None) is None
    assert convergence.target(*frames(("m", (3, 2, math.nan))), METRIC, None, None) is None


def test_the_time_is_that_of_the_first_evaluation_at_or_below_the_target_not_between_two():
    result = convergence.times(*frames(("m", (9, 2, 1)), ("m", (9, 3, 1)), ("m", (2, 9, 9))), METRIC, 2.0)
    assert result["trial"].tolist() == ["a", "b", "c"]
    assert result["step"].tolist() == [10, 100, 1]
    assert result["images"].tolist() == [500, 5000, 50]
    assert result["seconds"].tolist() == pytest.approx([1, 10, 0.1])
    assert result["reached"].all()


def test_a_trial_that_ended_early_missed_unless_it_was_there_before():
    states = ["diverged", "failed", "unfinished", "missing", "stopped"]
    rows, trials = frames(("m", (9, 1)), ("m", (9, 8)), ("m", (1,)), ("m", ()), ("m", (9,)), states=states)
    result = convergence.times(rows, trials, METRIC, 2.0).set_index("trial")
    assert result["reached"].to_dict() == {"a": True, "b": False, "e": False}
    assert result.loc["a", "step"] == 10
    assert (result.loc[["b", "e"], ["step", "images", "seconds"]] == math.inf).all(axis=None)


def test_stale_trials_have_no_time():
    rows, trials = frames(("m", (9, 2, 1)), ("m", (9, 2, 1)))
    result = convergence.times(rows, trials.assign(stale=[True, False]), METRIC, 2.0)
    assert result["trial"].tolist() == ["b"]


def test_the_newest_value_of_a_step_counts_and_missing_ones_are_passed_over():
    rows, trials = frames(("m", (9, 2, 1)), ("m", (9, math.nan, 1)))
    again = rows[(rows["trial"] == "a") & (rows["step"] == 10)].assign(**{METRIC: 3.0, "train_seconds": math.nan})
    final = rows[rows["step"] == 100].assign(**{METRIC: math.nan})  # the row of the final sample count
    result = convergence.times(pd.concat([rows, again, final]), trials, METRIC, 3.0)
    assert result["step"].tolist() == [10, 100]
    assert result["seconds"].tolist() == [1, 10]
    assert convergence.times(pd.concat([rows, again]), trials, METRIC, 2.0)["step"].tolist() == [100, 100]


def medians(*steps):
    """The result of `time_to_target` for seeds that reached 1 at these steps; None for a seed that did not."""
    curves = [("m", [1.0 if step and at >= step else 2.0 for at in STEPS]) for step in steps]
    result = convergence.time_to_target(convergence.times(*frames(*curves), METRIC, 1.0))
    assert len(result) == 1
    return result.iloc[0]


def test_the_median_time_counts_misses_as_infinite():
    assert medians(1, 10, None)[["images", "images_least"]].tolist() == [500, 50]
    assert medians(1, 10, None)["images_greatest"] == math.inf
    assert medians(1, 10, 100)["reached"] == 1
    assert medians(1, 10, None, None)["images"] == math.inf  # half of them missed
    assert medians(1, 10, None, None)["reached"] == 0.5
    assert medians(1, 10, 100, None)["seconds"] == 5.5  # the mean of the two in the middle
    assert medians(1, 10)["images"] == 275


def test_a_single_seed_a_target_that_nobody_reaches_and_one_that_all_reach_at_once():
    single = medians(10)
    assert (single["seeds"], single["images"], single["images_least"], single["images_greatest"]) == (1, 500, 500, 500)
    nobody = medians(None, None, None)
    assert (nobody["reached"], nobody["images"], nobody["seconds_least"]) == (0, math.inf, math.inf)
    at_once = medians(1, 1)
    assert (at_once["reached"], at_once["images"], at_once["images_greatest"]) == (1, 50, 50)


def test_of_no_trials_there_are_no_times():
    rows, trials = frames(("m", (3, 2, 1)), states=["unfinished"])
    result = convergence.time_to_target(convergence.times(rows, trials, METRIC, 1.0))
    assert result.empty
    assert "images_greatest" in result


def test_the_area_is_the_geometric_mean_over_the_logarithm_of_images():
    rows, trials = frames(("m", (100, 10, 1)), ("m", (4, 4, 4)), ("m", (1, 16, 1)))
    # Trapezoids of log10: (2 + 1) / 2 and (1 + 0) / 2 over a width of 2 decades; of log2: 2 and 2.
    assert convergence.area(rows, trials, METRIC).to_dict() == pytest.approx({"a": 10, "b": 4, "c": 4})
    uneven, trials = frames(("m", (100, 1, 1)), steps=(1, 10, 1000))
    assert convergence.area(uneven, trials, METRIC)["a"] == pytest.approx(10 ** (1 / 3))


def test_areas_are_of_one_and_the_same_span():
    curves = [("m", (9, 3, 1)), ("m", (9, 1)), ("m", (math.nan, 1, 1)), ("m", (9, 1, math.nan)), ("m", (9, 3, 1))]
    curves += [("m", ()), ("m", (9, math.nan, 1))]
    states = ["done", "diverged", "done", "done", "unfinished", "failed", "done"]
    result = convergence.area(*frames(*curves, states=states), METRIC)
    assert result.index.tolist() == list("abcdefg")
    assert result.dropna().to_dict() == pytest.approx({"a": 3, "g": 3})
    assert convergence.area(*frames(("m", (9,))), METRIC).isna().all()  # a single evaluation has no width


def test_trainings_of_equal_time_have_areas_over_time_although_they_see_different_numbers_of_images():
    rows, trials = frames(("m", (100, 10, 1)), ("m", (100, 10, 1)))
    slow = rows["trial"] == "b"
    rows.loc[slow, ["step", "images_seen"]] //= 2
    assert not convergence.has_equal_times(*frames(("m", (100, 10, 1)), ("m", (4, 4, 4))))
    assert convergence.has_equal_times(rows, trials)
    assert convergence.area(rows, trials, METRIC).to_dict() == pytest.approx({"a": 10, "b": 10})


def test_roughness_is_the_mean_rise_of_the_logarithm():
    rows, _ = frames(("m", (8, 4, 2)), ("m", (2, 2 * math.exp(0.3), 1)), ("m", (1, 2, 4)), ("m", (5,)), ("m", (5, 6)))
    expected = {"a": 0, "b": 0.15, "c": math.log(2), "d": math.nan, "e": math.log(1.2)}
    assert convergence.roughness(rows, METRIC).to_dict() == pytest.approx(expected, nan_ok=True)
    missing, _ = frames(("m", (2, math.nan, 4)), ("m", (math.nan,) * 3))
    expected = {"a": math.log(2), "b": math.nan}
    assert convergence.roughness(missing, METRIC).to_dict() == pytest.approx(expected, nan_ok=True)


CURVES = [("m", (9, 2, 3)), ("m", (9, 5, 1)), ("n", (7, 8, 2)), ("n", (4, 1))]


def test_the_order_of_rows_does_not_matter():
    rows, trials = frames(*CURVES, states=["done", "done", "done", "diverged"])
    mixed = rows.sample(frac=1, random_state=0)
    assert mixed.index.tolist() != rows.index.tolist()
    pd.testing.assert_frame_equal(
        convergence.times(rows, trials, METRIC, 2.0), convergence.times(mixed, trials, METRIC, 2.0)
    )
    pd.testing.assert_series_equal(convergence.area(rows, trials, METRIC), convergence.area(mixed, trials, METRIC))
    one, two = (convergence.roughness(each, METRIC).sort_index() for each in (rows, mixed))
    pd.testing.assert_series_equal(one, two)
    assert convergence.target(rows, trials, METRIC, None, None) == convergence.target(mixed, trials, METRIC, None, None)


def test_a_slower_machine_scales_seconds_and_a_larger_batch_images():
    rows, trials = frames(*CURVES)
    slower = rows.assign(train_seconds=3 * rows["train_seconds"], images_seen=2 * rows["images_seen"])
    one, two = (convergence.time_to_target(convergence.times(each, trials, METRIC, 2.0)) for each in (rows, slower))
    for name, factor in (("seconds", 3), ("images", 2), ("images_least", 2), ("seconds_greatest", 3), ("reached", 1)):
        assert two[name].tolist() == pytest.approx((factor * one[name]).tolist())
    pd.testing.assert_series_equal(convergence.area(rows, trials, METRIC), convergence.area(slower, trials, METRIC))
    pd.testing.assert_series_equal(convergence.roughness(rows, METRIC), convergence.roughness(slower, METRIC))


def test_another_unit_of_the_metric_scales_the_area_and_leaves_roughness_and_times_alone():
    rows, trials = frames(*CURVES)
    scaled = rows.assign(**{METRIC: 7 * rows[METRIC]})
    one, two = (convergence.area(each, trials, METRIC) for each in (rows, scaled))
    pd.testing.assert_series_equal(7 * one, two)
    pd.testing.assert_series_equal(convergence.roughness(rows, METRIC), convergence.roughness(scaled, METRIC))
    pd.testing.assert_frame_equal(
        convergence.times(rows, trials, METRIC, 2.0), convergence.times(scaled, trials, METRIC, 14.0)
    )
