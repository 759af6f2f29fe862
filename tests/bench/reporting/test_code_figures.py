"""Figures of codes."""

import io

import numpy as np
import torch
from synthetic_experiments import add, described

from bench.io.tensors import to_npz
from bench.reporting import (
    code_figures,
    image_figures,
    merge,
)
from bench.store.folders import ExperimentFolder


def test_the_projection_of_codes_keeps_distances_within_a_plane():
    from bench.reporting.code_figures import projected

    plane = (
        np.random.default_rng(0).normal(size=(20, 2))
        @ np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0][:2]
    )
    stored = io.BytesIO()
    np.savez(stored, codes=plane, prior=plane[:3])
    points, prior = projected(stored.getvalue())

    def distances(x):
        return np.linalg.norm(x[:, None] - x[None], axis=2)

    np.testing.assert_allclose(distances(points), distances(plane), atol=1e-9)
    np.testing.assert_allclose(prior, points[:3], atol=1e-9)


def test_codes_far_from_the_prior_stay_in_their_own_place(tmp_path, monkeypatch):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    for label in ("mmd", "vae[beta=0.0316,weight=0.998,learning_rate=0.0004754]"):
        add(folder, label, 0, 10.0)
    far = to_npz({"codes": torch.full((10, 4), 50.0), "prior": torch.full((10, 4), -50.0)})
    folder.trials()[0].write("samples/codes-00000100.npz", far)
    drawn = []
    monkeypatch.setattr(code_figures, "save", lambda canvas, *_: drawn.append(canvas))
    group = merge.load_one(folder)
    code_figures.codes(group, image_figures.representatives(group), tmp_path)
    (axes,) = drawn[0].axes
    assert any("(100% further out)" in text.get_text().replace("\n", " ") for text in axes.texts)
    drawn[0].draw_without_rendering()
    (legend,) = (text for text in axes.texts if text.get_text() == code_figures.LEGEND)
    assert legend.get_window_extent().y0 >= 0
    assert all(text.get_window_extent().y1 <= drawn[0].bbox.y1 for text in axes.texts)
    dots = np.concatenate([np.asarray(collection.get_offsets()) for collection in axes.collections])
    assert dots[:, 0].max() < 2.2 + 1.1
    assert dots[:, 0].min() > -1.1


def test_codes_and_samples_of_the_prior_differ_in_shape(tmp_path, monkeypatch):
    """The autoencoder's colour is grey, as that of the samples."""
    folder = described(ExperimentFolder(tmp_path / "exp"))
    add(folder, "autoencoder", 0, 10.0)
    drawn = []
    monkeypatch.setattr(code_figures, "save", lambda canvas, *_: drawn.append(canvas))
    group = merge.load_one(folder)
    code_figures.codes(group, image_figures.representatives(group), tmp_path)
    prior, codes = drawn[0].axes[0].collections
    assert (len(prior.get_facecolors()), len(codes.get_facecolors())) == (0, 1)


def test_more_codes_than_an_evaluation_stores_are_not_read(monkeypatch):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, codes=np.ones((500, 4), np.float32), prior=np.ones((500, 4), np.float32))
    assert code_figures.projected(buffer.getvalue()) is not None
    monkeypatch.setattr(code_figures, "MAX_CODE_BYTES", 4000)
    assert code_figures.projected(buffer.getvalue()) is None
