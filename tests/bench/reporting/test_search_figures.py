"""Figures of searches."""

import pytest
from groups import search_results

from bench.reporting import search_figures


@pytest.mark.draws
def test_a_choice_between_words_is_drawn_at_its_words(tmp_path, monkeypatch):
    results = search_results({"a": [3, 1, 2]})
    results["kind"] = ["x", "y", "x", "y", "x", "y"]
    drawn = []
    monkeypatch.setattr(search_figures, "save", lambda canvas, *_: drawn.append(canvas))
    search_figures.draw_sensitivity(results, tmp_path / "figure")
    (canvas,) = drawn
    (axes,) = [axes for axes in canvas.axes if axes.get_xlabel() == "kind"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["x", "y"]
    points = axes.collections[0].get_offsets()
    assert sorted(points.tolist()) == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [1, 4]]
