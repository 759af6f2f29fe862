"""Statistics over seeds: of the last row, and only of trials that finished and are not stale."""

import pandas as pd
import pytest
from groups import three_seeds

from bench.analysis import across_seeds


def test_headlines_are_of_the_last_row_never_of_the_best():
    summary = across_seeds.summarise(*three_seeds()).iloc[0]
    assert (summary["fd_classifier_1k_mean"], summary["fd_classifier_1k_min"], summary["fd_classifier_1k_max"]) == (
        20,
        10,
        30,
    )
    assert summary["fd_classifier_1k_sd"] == pytest.approx(10)
    assert not [column for column in summary.index if column.startswith(("n_real", "fd_classifier_1k_floor"))]


def test_trials_that_did_not_finish_are_counted_not_averaged():
    summary = across_seeds.summarise(*three_seeds(("done", "diverged", "failed"))).iloc[0]
    assert (summary["seeds"], summary["done"], summary["diverged"], summary["failed"]) == (3, 1, 1, 1)
    assert summary["fd_classifier_1k_mean"] == 10


def test_stale_trials_are_neither_averaged_nor_counted_as_done():
    summary = across_seeds.summarise(*three_seeds(stale=(True, False, False))).iloc[0]
    assert (summary["done"], summary["stale"], summary["fd_classifier_1k_mean"]) == (2, 1, 25)


def test_the_headline_is_fid_before_other_distances_and_more_images_before_fewer():
    frame = pd.DataFrame(columns=["fd_classifier_50k", "fid_10k", "kid_10k", "fid_50k", "precision_50k"])
    assert across_seeds.distances(frame) == ["fid_50k", "fid_10k", "fd_classifier_50k"]
    later = pd.DataFrame({"afterwards": [False, True], "fd_classifier_10k": [1.0, None], "fid_50k": [None, 2.0]})
    assert across_seeds.distances(later) == ["fd_classifier_10k", "fid_50k"]
