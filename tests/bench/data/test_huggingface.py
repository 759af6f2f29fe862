"""Hugging Face data sets on disk: columns, splits and classes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data import preparation
from bench.data.datasets import Request
from bench.data.huggingface import huggingface
from bench.errors import UserError
from bench.experiment.settings import Preprocessing

datasets = pytest.importorskip("datasets", reason="the optional package datasets is not installed")
IMAGES = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)
LABELS = [i % 2 for i in range(60)]


def records(rows: slice = slice(None)) -> "datasets.Dataset":
    features = datasets.Features({"picture": datasets.Image(), "kind": datasets.ClassLabel(names=["cat", "dog"])})
    content = {"picture": [Image.fromarray(image) for image in IMAGES[rows]], "kind": LABELS[rows]}
    return datasets.Dataset.from_dict(content, features=features)


def prepared(folder: Path, tmp_path: Path) -> preparation.Prepared:
    return preparation.prepare(Request("huggingface", folder, Preprocessing(image_size=8), tmp_path / "prepared"))


def test_published_splits_images_and_classes_are_read(tmp_path):
    splits = {"train": records(slice(0, 40)), "test": records(slice(40, 60))}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "pets")
    data = prepared(tmp_path / "pets", tmp_path)
    assert data.counts == {"train": 36, "validation": 4, "test": 20}
    assert data.classes == ["cat", "dog"]
    label_of = {image.transpose(2, 0, 1).tobytes(): label for image, label in zip(IMAGES, LABELS, strict=True)}
    for split in data.counts:
        assert [label_of[image.tobytes()] for image in data.images(split)] == data.labels(split).tolist()


def test_a_data_set_without_splits_is_divided(tmp_path):
    records().save_to_disk(tmp_path / "pets")
    data = prepared(tmp_path / "pets", tmp_path)
    assert sum(data.counts.values()) == 60
    assert min(data.counts.values()) > 0
    again = prepared(tmp_path / "pets", tmp_path)
    assert again.fingerprint == data.fingerprint


def test_what_is_no_data_set_of_images_is_refused_in_one_line(tmp_path):
    assert huggingface(tmp_path / "missing") is None
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"cannot read .*empty.*save_to_disk"):
        huggingface(tmp_path / "empty")
    datasets.Dataset.from_dict({"x": [1, 2]}).save_to_disk(tmp_path / "numbers")
    with pytest.raises(UserError, match="has no column of images"):
        huggingface(tmp_path / "numbers")
    datasets.DatasetDict({"train": records(), "extra": records()}).save_to_disk(tmp_path / "odd")
    with pytest.raises(UserError, match="has the splits train, extra, but no test"):
        huggingface(tmp_path / "odd")
