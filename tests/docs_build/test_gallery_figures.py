"""The figures of codes in the gallery of methods."""

import numpy as np
import torch
from PIL import Image

from bench.data.datasets import Request
from bench.data.preparation import prepare
from bench.driver.resolution import resolve
from docs_build import code_figures


def test_a_figure_is_drawn_of_codes_that_move(tmp_path, monkeypatch):
    monkeypatch.setattr(code_figures, "STEPS", (0, 2))
    monkeypatch.setattr(code_figures, "FIGURES", tmp_path)
    preprocessing = resolve({}, None, None)[0].preprocessing
    prepared = prepare(Request("digits", tmp_path / "data", preprocessing, tmp_path / "prepared"))
    code_figures.draw("mmd", prepared)
    assert len(np.unique(np.array(Image.open(tmp_path / "mmd.png")))) > 5
    _, [(_, before), (_, after)] = code_figures.trained("mmd", "sphere", prepared)
    assert before.shape == after.shape == (397, 3)
    assert torch.allclose(after.norm(dim=1), torch.ones(397))
    assert not torch.allclose(before, after)
