"""Ranks of variants by every metric."""

import pandas as pd
import pytest
from groups import group_of, three_seeds

from bench.reporting.rank_figures import plot, ranks


@pytest.fixture
def group():
    """Variant n has twice the distance of m, a higher precision, and codes that are told apart less, below chance."""
    rows, trials = three_seeds()
    rows = rows.assign(precision_classifier_1k=0.5, latent_c2st=0.7)
    other = rows.assign(
        trial=rows["trial"] + "2", variant="n", method="n", precision_classifier_1k=0.6, latent_c2st=0.4
    )
    other["fd_classifier_1k"] *= 2
    return group_of(
        pd.concat([rows, other]),
        pd.concat([trials, trials.assign(trial=trials["trial"] + "2", variant="n", method="n")]),
    )


def test_one_is_best_whatever_the_direction_of_a_metric(group):
    table = ranks(group).set_index(["metric", "variant"])["rank"]
    assert table["fd_classifier_1k", "m"] == 1
    assert table["precision", "n"] == 1
    assert table["codes told apart", "n"] == 1
    assert table["training s"].tolist() == [1, 1]


@pytest.mark.draws
def test_ranks_are_drawn_with_their_values(group, tmp_path):
    (figure,) = plot(group, tmp_path)
    lines = {line["variant"]: line for line in figure.chart.data["lines"]}
    assert lines["m"]["values"][0] == 20
    assert lines["n"]["ranks"][0] == 2
    assert (tmp_path / "ranks.png").exists()
    assert plot(group_of(*three_seeds()), tmp_path) == []
