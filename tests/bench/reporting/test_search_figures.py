"""Figures of searches."""

import pytest
from groups import search_results

from bench.reporting.search_figures import draw_sensitivity


@pytest.mark.draws
def test_a_choice_between_words_can_be_drawn(tmp_path):
    results = search_results({"a": [3, 1, 2]})
    results["kind"] = ["x", "y", "x", "y", "x", "y"]
    draw_sensitivity(results, tmp_path / "figure")
    assert (tmp_path / "figure.png").stat().st_size > 5000
