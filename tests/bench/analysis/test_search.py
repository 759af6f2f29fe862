"""Statistics of the scores of a search."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from groups import search_results
from specimens import make_spec

from bench.analysis import search
from bench.experiment.settings import Training
from bench.experiment.specification import DatasetIdentity


def test_the_expected_best_is_the_mean_over_all_subsets():
    scores = [3.0, 1.0, 4.0, 1.5, math.inf]
    for k, ours in enumerate(search.expected_best(scores), start=1):
        slow = [min(subset) for subset in itertools.combinations(scores, k)]
        assert ours == pytest.approx(np.mean(slow))


def test_the_best_point_is_that_of_the_lowest_mean_over_seeds_and_failures_cost():
    results = search_results({"a": [3, 1, 1, 2], "b": [math.inf, 5], "c": [math.inf]})
    assert search.best(results) == {"a": 1, "b": 1}
    summary = search.summary(results).set_index("variant")
    assert list(summary.index) == ["a", "b"]
    assert summary.loc["a", "best_score"] == 1.5
    assert summary.loc["a", "median_score"] == 2.0
    assert summary.loc["a", "near_best"] == 0.5
    assert summary.loc["a", "expected_best_1"] == 2.25
    assert (summary.loc["b", "failed"], summary.loc["b", "expected_best_1"]) == (1, math.inf)
    assert math.isnan(summary.loc["a", "best_partial"])
    assert summary.loc["b", "best_partial"] == 50
    assert summary.loc["a", "seconds"] == 16
    assert summary.loc["a", "best"] == "learning_rate=0.1"
    assert summary["dimensions"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("error", "training", "unit", "counts"),
    [
        (18.0, {}, 18.7, True),
        (19.0, {}, 18.7, False),
        (19.0, {"weight_units": "absolute"}, 1.0, True),  # the error of the mean image is not known
        (19.0, {"reconstruction": "cross_entropy"}, 0.3, True),
        (19.0, {}, None, True),
        (None, {}, 18.7, True),
    ],
)
def test_a_point_that_reconstructs_worse_than_the_mean_image_is_no_autoencoder(error, training, unit, counts):
    dataset = DatasetIdentity(name="digits", fingerprint="f" * 64, weight_unit=unit)
    settings = Training.model_validate({"weight_units": "relative", **training})
    spec = make_spec(method="mmd").model_copy(update={"dataset": dataset, "training": settings})
    row = {} if error is None else {"reconstruction_test": error}
    assert search.reconstructs(spec, row) is counts


def test_scores_depend_on_the_given_trials_alone(monkeypatch):
    """A later round in the same folder has the first trial that reconstructs, so all others would fail."""
    specs = {"a": 30.0, "b": 2.0}  # trial -> reconstruction error; the mean image has 18.7
    unit = DatasetIdentity(name="digits", fingerprint="f" * 64, weight_unit=18.7)
    spec = make_spec(method="mmd").model_copy(update={"dataset": unit})
    stored = SimpleNamespace(trial=lambda _: SimpleNamespace(trial=lambda: SimpleNamespace(spec=spec)))
    common = {"method": "mmd", "seed": 0, "state": "done", "stale": False}
    trials = [{"trial": k, "folder": k, "variant": f"mmd[point={i}]", **common} for i, k in enumerate(specs)]
    rows = [{"trial": k, "fd_classifier_1k": 5.0, "reconstruction_test": error} for k, error in specs.items()]
    monkeypatch.setattr(search.frames, "trials", lambda _: pd.DataFrame(trials))
    monkeypatch.setattr(search.frames, "rows", lambda _: pd.DataFrame(rows))
    monkeypatch.setattr(search.protocols, "separate", lambda frame: frame)
    monkeypatch.setattr(search.across_seeds, "last_rows", lambda frame, _: frame)
    assert search.results(stored)["score"].tolist() == [math.inf, 5.0]
    assert search.results(stored, {"a"})["score"].tolist() == [5.0]
    trials[0]["seed"] = 1  # of the same point as the other trial
    trials[0]["variant"] = "mmd[point=1]"
    assert search.results(stored)["score"].tolist() == [5.0, 5.0], "else no point could be chosen"


def test_points_that_do_not_reconstruct_are_told_from_those_that_did_not_finish():
    results = search_results({"a": [3, math.inf, math.inf]})
    results.loc[results["point"] == 2, "state"] = "done"
    [record] = search.summary(results).to_dict("records")
    assert (record["failed"], record["poor"]) == (1, 1)
