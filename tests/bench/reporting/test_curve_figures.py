"""Figures of curves: their files, their data, and their margins."""

import pandas as pd
import pytest
from groups import group_of, three_seeds, variants_of

from bench.reporting import curve_figures


@pytest.mark.draws
def test_figures_are_png_and_pdf_with_their_data_also_with_a_trial_that_ended_early(tmp_path):
    rows, trials = three_seeds()
    rows = rows.drop(rows[(rows["trial"] == "b") & (rows["step"] == 9)].index)
    group = group_of(rows, trials)
    (figure,) = curve_figures.curves(group, tmp_path, {"fd_classifier_1k": "a protocol"})
    assert figure.caption.endswith("a protocol")
    path = tmp_path / figure.name
    assert path.with_suffix(".png").stat().st_size > 5000
    assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    shown = pd.read_csv(path.with_suffix(".csv"))
    assert sorted(shown["fd_classifier_1k"]) == [1, 1, 1, 10, 30]


@pytest.mark.draws
def test_nothing_of_a_figure_of_curves_is_cut_off(tmp_path, monkeypatch):
    """The longest axis labels must fit too."""
    rows, trials = three_seeds()
    rows = rows.rename(columns={"fd_classifier_1k": "fd_rotation_1k [sampler=gmm, split=test]"})
    drawn = []
    monkeypatch.setattr(curve_figures, "save", lambda canvas, *_: drawn.append(canvas))
    curve_figures.curves(group_of(rows, trials), tmp_path, {})
    (canvas,) = drawn
    canvas.draw_without_rendering()
    whole, used = canvas.bbox_inches, canvas.get_tightbbox()
    assert used.x0 >= whole.x0
    assert used.y0 >= whole.y0
    assert used.x1 <= whole.x1
    assert used.y1 <= whole.y1


def test_a_curve_below_another_is_named_and_wider():
    from bench.reporting.curve_data import covered, covering

    curve = pd.DataFrame({"d": [100.0, 10.0, 1.0]})
    over = covered({"a": curve, "b": curve * 1.001, "far": curve * 2, "c": curve}, "d")
    assert over == {"a": ["b", "c"], "b": ["c"]}
    assert covering(over) == "Curves that coincide are wider the lower they lie: a below b, c; b below c."
    assert covering({}) == ""


@pytest.mark.draws
def test_the_legend_follows_the_order_of_the_curves_at_their_end(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(curve_figures, "save", lambda canvas, *_: drawn.append(canvas))
    curve_figures.curves(variants_of({"low": 1, "high": 9}), tmp_path, {})
    texts = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert texts[:2] == ["high", "low"]
