import math

import numpy as np
import pandas as pd
import pytest

from bench.analysis.across_datasets import aggregate, iqm, normalised, profile


def runs(seeds: int = 4, variants: tuple[str, ...] = ("good", "bad")) -> pd.DataFrame:
    """Three data sets whose distances are about 1, 100 and 10,000; each variant is 0.3 worse than the one before."""
    random = np.random.default_rng(0)
    records = [
        (dataset, variant, seed, scale * (1 + 0.3 * worse) * random.uniform(0.9, 1.1))
        for dataset, scale in (("x", 1.0), ("y", 100.0), ("z", 10000.0))
        for worse, variant in enumerate(variants)
        for seed in range(seeds)
    ]
    return pd.DataFrame.from_records(records, columns=["dataset", "variant", "seed", "distance"])


def test_a_score_of_one_is_the_middling_variant():
    frame = normalised(runs(variants=("good", "middling", "bad")))
    means = frame.groupby(["dataset", "variant"])["score"].mean().unstack()
    assert means["middling"].tolist() == pytest.approx([1, 1, 1])
    assert (means["good"] < 1).all()
    assert (means["bad"] > 1).all()


def test_scores_do_not_depend_on_the_scale_of_a_data_set():
    distances = runs()
    scaled = distances.assign(distance=distances["distance"] * distances["dataset"].map({"x": 1e6, "y": 1, "z": 1e-3}))
    assert normalised(scaled)["score"].tolist() == pytest.approx(normalised(distances)["score"].tolist())


def test_only_variants_on_every_data_set_are_kept():
    distances = runs(variants=("good", "bad", "rare"))
    missing = (distances["variant"] == "rare") & (distances["dataset"] == "y")
    assert normalised(distances[~missing]).equals(normalised(distances[distances["variant"] != "rare"]))
    apart = distances[(distances["variant"] == "good") == (distances["dataset"] == "x")]
    assert len(normalised(apart)) == len(aggregate(normalised(apart))) == len(profile(normalised(apart), [1.0])) == 0


@pytest.mark.parametrize("bad", [0.0, -1.0, math.inf, math.nan])
def test_distances_that_are_none_are_refused(bad):
    distances = runs()
    distances.loc[3, "distance"] = bad
    with pytest.raises(ValueError, match="positive and finite"):
        normalised(distances)


def test_the_interquartile_mean_by_hand():
    assert iqm([100, 3, 4, 1, 5, 6, 2, -50]) == 3.5  # of 3, 4, 2, 5
    assert iqm(np.array([[1, 2], [3, 100]])) == 2.5
    assert iqm([1, 2, 3, 10, 20]) == 5  # a quarter of five, rounded down, is one
    assert iqm([1, 2, 6]) == 3
    assert math.isnan(iqm([]))


def test_aggregates_are_rliables():
    frame = normalised(runs())[::-1]
    table = aggregate(frame, resamples=200).set_index("variant")
    assert table.index.tolist() == ["good", "bad"]
    for variant, row in table.iterrows():
        scores = frame[frame["variant"] == variant].pivot(index="seed", columns="dataset", values="score").to_numpy()
        assert (row["runs"], row["datasets"]) == (12, 3)
        assert row["iqm"] == pytest.approx(np.sort(scores, axis=None)[3:-3].mean())
        assert row["median"] == pytest.approx(np.median(scores.mean(axis=0)))
        assert row["mean"] == pytest.approx(scores.mean())
        for name in ("iqm", "median", "mean"):
            assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]


def test_runs_are_resampled_within_each_data_set():
    """The standard error of the mean of data sets' means is known; it has no part of differences between data sets."""
    frame = normalised(runs(seeds=20))
    frame["score"] += frame["dataset"].map({"x": 0.0, "y": 5.0, "z": 50.0})
    row = aggregate(frame).iloc[0]
    groups = frame[frame["variant"] == row["variant"]].groupby("dataset")["score"]
    error = np.sqrt((groups.var(ddof=0) / 20).sum()) / 3
    assert row["mean_high"] - row["mean_low"] == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_a_data_set_with_more_runs_weighs_no_more_in_means():
    frame = pd.DataFrame({"dataset": list("xxxxyy"), "variant": "v", "score": [1.0, 1, 1, 1, 4, 4]})
    row = aggregate(frame).iloc[0]
    assert (row["mean"], row["median"], row["runs"], row["datasets"]) == (2.5, 2.5, 6, 2)
    assert profile(frame, [2])["share"].tolist() == [0.5]


def test_the_bootstrap_is_reproducible_and_of_each_variant_by_itself():
    frame = normalised(runs())
    assert aggregate(frame).equals(aggregate(frame))
    assert profile(frame, [1.0]).equals(profile(frame, [1.0]))
    assert not aggregate(frame).equals(aggregate(frame, seed=1))
    alone = aggregate(frame[frame["variant"] == "bad"])
    together = aggregate(frame)
    assert alone.equals(together[together["variant"] == "bad"].reset_index(drop=True))


def test_one_run_on_a_data_set_has_no_interval():
    frame = normalised(runs())
    frame = frame[(frame["dataset"] != "y") | (frame["seed"] == 0)]
    table = aggregate(frame)
    intervals = [column for column in table if str(column).endswith(("_low", "_high"))]
    assert table[intervals].isna().all(axis=None)
    assert table.drop(columns=intervals).notna().all(axis=None)
    assert profile(frame, [1.0])[["low", "high"]].isna().all(axis=None)


def test_a_profile_rises_from_nought_to_one():
    frame = normalised(runs())
    least, greatest = frame["score"].min(), frame["score"].max()
    taus = np.linspace(least - 0.01, greatest, 30)
    table = profile(frame, taus)
    assert table["variant"].tolist() == ["good"] * 30 + ["bad"] * 30
    assert table["tau"].tolist() == [*taus, *taus]
    for variant, curve in table.groupby("variant"):
        assert curve[["share", "low", "high"]].iloc[0].tolist() == [0, 0, 0]
        assert curve[["share", "low", "high"]].iloc[-1].tolist() == [1, 1, 1]  # a score of tau counts
        assert (curve[["share", "low", "high"]].diff().iloc[1:] >= 0).all(axis=None)
        assert ((curve["low"] <= curve["share"]) & (curve["share"] <= curve["high"])).all()
        scores = frame.loc[frame["variant"] == variant, "score"].to_numpy()
        assert curve["share"].tolist() == pytest.approx([(scores <= tau).mean() for tau in taus])


def test_the_band_of_a_profile_is_of_resampled_runs():
    frame = pd.DataFrame({"dataset": "x", "variant": "v", "score": [0.0] * 10 + [1.0] * 10})
    row = profile(frame, [0.5], resamples=10000).iloc[0]
    from scipy.stats import binom

    assert (row["low"], row["high"]) == pytest.approx(np.divide(binom.interval(0.95, 20, 0.5), 20), abs=0.05)
