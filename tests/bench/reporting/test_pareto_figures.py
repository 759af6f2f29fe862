"""Trade-offs: means, ellipses and the front."""

import numpy as np
import pandas as pd
import pytest
from groups import group_of, three_seeds, variants_of

from bench.reporting import pareto_figures
from bench.reporting.pareto_figures import Cloud, front, trade_offs


def cloud(variant: str, *points: tuple[float, float]) -> Cloud:
    return Cloud(variant, pd.DataFrame(points, columns=["x", "y"]).assign(trial=variant, seed=range(len(points))))


def test_a_mean_is_on_the_front_unless_another_is_lower_on_both_axes():
    clouds = [
        cloud("a", (1, 9)),
        cloud("b", (2, 5)),
        cloud("dominated", (3, 6)),
        cloud("c", (4, 1)),
        cloud("d", (5, 1)),
    ]
    assert front(clouds) == [pytest.approx(point) for point in [(1, 9), (2, 5), (4, 1)]]


def test_the_ellipse_is_one_standard_deviation_of_the_logarithms():
    """Uncorrelated points whose logarithms have the deviations 1 and 2: the ellipse reaches exactly as far."""
    logs = np.array([(1, 0), (-1, 0), (0, 2), (0, -2)]) * np.sqrt(3 / 2)
    outline = np.log(cloud("a", *map(tuple, np.exp(logs))).ellipse)
    assert outline.max(axis=0) == pytest.approx([1, 2], rel=0.01)
    assert np.abs((outline / [1, 2]) ** 2).sum(axis=1) == pytest.approx(1)
    assert cloud("a", (1, 1), (2, 2)).ellipse is None


@pytest.mark.draws
def test_a_figure_for_each_cost_that_was_measured(tmp_path):
    rows, trials = three_seeds()
    others = [frame.assign(trial=frame["trial"] + "2", method="n", variant="n") for frame in (rows, trials)]
    rows, trials = pd.concat([rows, others[0]]), pd.concat([trials, others[1]])
    figures = trade_offs(group_of(rows.assign(reconstruction_test=2.0), trials), tmp_path)
    assert [figure.name for figure in figures] == ["pareto_reconstruction", "pareto_seconds"]
    assert len(pd.read_csv(tmp_path / "pareto_seconds.csv")) == 6
    clouds = figures[0].chart.data["clouds"]
    assert [each["variant"] for each in clouds] == ["m", "n"]
    assert clouds[0]["y"] == [10, 20, 30]


@pytest.mark.draws
def test_values_that_differ_by_rounding_only_have_an_axis_with_some_range(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(pareto_figures, "save", lambda canvas, *_: drawn.append(canvas))
    rows, trials = three_seeds()
    others = [frame.assign(trial=frame["trial"] + "2", method="n", variant="n") for frame in (rows, trials)]
    rows, trials = pd.concat([rows, others[0]]), pd.concat([trials, others[1]])
    almost = 2 + 1e-12 * np.arange(len(rows))
    trade_offs(group_of(rows.assign(reconstruction_test=almost), trials), tmp_path)
    low, high = drawn[0].axes[0].get_xlim()
    assert low < 2 < high
    assert high / low == pytest.approx(pareto_figures.LEAST_RANGE)


@pytest.mark.draws
def test_one_variant_trades_nothing(tmp_path):
    assert trade_offs(group_of(*three_seeds()), tmp_path) == []


@pytest.mark.draws
def test_one_far_variant_does_not_stretch_the_axes_and_is_named_at_the_edge(tmp_path, monkeypatch):
    group = variants_of(dict(zip("mnopq", (1.0, 1.1, 1.2, 1.3, 100.0), strict=True)), reconstruction_test=5.0)
    drawn = []
    monkeypatch.setattr(pareto_figures, "save", lambda canvas, *_: drawn.append(canvas))
    figure, *_ = trade_offs(group, tmp_path)
    axes = drawn[0].axes[0]
    assert axes.get_ylim()[1] < 100
    assert any(text.get_text().startswith("↑ q: ") for text in axes.texts)
    assert "Arrows" in figure.caption
    assert [cloud["far"] for cloud in figure.chart.data["clouds"]] == [[False, False]] * 4 + [[False, True]]
