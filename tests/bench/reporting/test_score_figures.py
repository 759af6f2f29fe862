"""Figures of scores against hyperparameters."""

import pytest
from synthetic_experiments import add, described

from bench.reporting import (
    merge,
    score_figures,
)
from bench.store.folders import ExperimentFolder


@pytest.mark.draws
def test_scores_against_hyperparameters_that_are_words_or_were_lost(tmp_path, monkeypatch):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    for weight in (1.0, 10.0, 100.0):
        for kind in ("imq", "rbf"):
            lost = weight == 100
            label = f"mmd[weight={weight},kind={kind}]"
            add(folder, label, 0, 5.0 + weight, "diverged" if lost else "done", weight=weight, kind=kind)
    drawn = []
    monkeypatch.setattr(score_figures, "save", lambda canvas, *_: drawn.append(canvas))
    assert score_figures.hyperparameters(merge.load_one(folder), tmp_path)
    weight, kind = drawn[0].axes
    assert weight.get_xscale() == "log"
    assert [text.get_text() for text in kind.get_xticklabels()] == ["imq", "rbf"]
    crosses = [line.get_xdata()[0] for line in weight.lines if line.get_marker() == "x"]
    assert crosses == [100]


@pytest.mark.draws
def test_panels_share_their_scale_and_show_the_median_beside_the_best(tmp_path, monkeypatch):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    for weight in (1.0, 10.0):
        for bandwidth in (1.0, 2.0, 4.0):
            label = f"mmd[weight={weight},bandwidth={bandwidth}]"
            add(folder, label, 0, 5.0 + weight * bandwidth, pictures=False, weight=weight, bandwidth=bandwidth)
    drawn = []
    monkeypatch.setattr(score_figures, "save", lambda canvas, *_: drawn.append(canvas))
    (figure,) = score_figures.hyperparameters(merge.load_one(folder), tmp_path)
    bandwidth, weight = sorted(drawn[0].axes, key=lambda axes: axes.get_xlabel())
    assert bandwidth.get_ylim() == weight.get_ylim()
    best, median = weight.lines
    assert list(best.get_ydata()) == [6, 15]
    assert list(median.get_ydata()) == [7, 25]
    assert "best over all other hyperparameters (mmd: of 2 to 3)" in figure.caption
    assert "bandwidth 1 to 4 (4×)" in figure.caption
