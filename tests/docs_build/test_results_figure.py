"""The figure of the README."""

import numpy as np
import pytest
from PIL import Image

from docs_build import results_figure
from docs_build.studies import results


def test_it_has_the_means_over_seeds_of_every_variant():
    column, rows = results_figure.measured("digits")
    study = next(each for each in results() if each.name == "digits")
    assert column.startswith("fd_classifier")
    assert set(rows["variant"]) == {row.variant for row in study.rows}
    assert set(rows.groupby("variant")["trial"].nunique()) == {study.rows[0].seeds}


@pytest.mark.draws
def test_it_has_a_panel_for_each_study(tmp_path, monkeypatch):
    monkeypatch.setattr(results_figure, "PATH", tmp_path / "results.png")
    sizes = []
    for studies in (["digits"], ["digits", "same_prior"]):
        results_figure.draw(studies)
        pixels = np.array(Image.open(results_figure.PATH))
        assert len(np.unique(pixels)) > 5
        sizes.append(pixels.shape[1])
    assert sizes[1] > 1.5 * sizes[0]
    assert [file.name for file in tmp_path.iterdir()] == ["results.png"]
