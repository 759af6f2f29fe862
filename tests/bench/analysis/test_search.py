"""Statistics of the scores of a search."""

import itertools
import math

import numpy as np
import pytest
from groups import search_results

from bench.analysis import search


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
    assert summary.loc["a", "seconds"] == 16
    assert summary.loc["a", "best"] == "learning_rate=0.1"
