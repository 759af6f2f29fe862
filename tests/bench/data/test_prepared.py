"""Prepared data sets."""

import pytest
from specimens import make_request

from bench.data import preparation
from bench.data.image_files import ImageFile
from bench.experiment.settings import Preprocessing
from bench.io.files import Folder


def test_a_read_only_prepared_set_leaves_its_statistics_with_the_experiment(monkeypatch, tmp_path):
    digits = preparation.prepare(make_request("digits", tmp_path / "data"))
    assert digits.features(fallback=Folder(tmp_path)).path == digits.folder / "features"
    monkeypatch.setattr("os.access", lambda *_: False)
    assert digits.features(fallback=Folder(tmp_path)).path == tmp_path


def test_a_huge_sparse_file_is_not_verified_by_reading_it(monkeypatch, tmp_path):
    """A stranger's set may name any number of images and hold none of their bytes."""
    file = ImageFile(tmp_path / "train-images.npy", 10**8, Preprocessing(image_size=64))
    file.create()
    monkeypatch.setattr(ImageFile, "digest", lambda *_: pytest.fail("it is read"))
    assert not file.is_intact(["a" * 64] * len(file.chunks))
