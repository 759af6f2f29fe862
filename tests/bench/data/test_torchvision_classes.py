"""Classes of torchvision.datasets by name: with split=, with train=, and without splits."""

from pathlib import Path

import numpy as np
import pytest
from images import write_idx
from PIL import Image

from bench.data import datasets, preparation
from bench.data.datasets import Request
from bench.errors import RunError, UserError
from bench.experiment.configuration import resolve
from bench.experiment.settings import Preprocessing

RANDOM = np.random.default_rng(0)


def pictures(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for i in range(count):
        Image.fromarray(RANDOM.integers(0, 256, (16, 20, 3), dtype=np.uint8)).save(folder / f"{i}.png")


def prepared(name: str, root: Path, channels: int = 3) -> preparation.Prepared:
    preprocessing = Preprocessing(image_size=8, channels=channels)
    return preparation.prepare(Request(f"torchvision.{name}", root, preprocessing, root / "prepared"))


def test_a_class_with_named_splits(tmp_path):
    for split, count in (("train", 12), ("valid", 5), ("test", 7)):
        for label in ("FR", "GR"):
            pictures(tmp_path / "Country211" / "country211" / split / label, count)
    data = prepared("Country211", tmp_path)
    assert data.counts == {"train": 24, "validation": 10, "test": 14}
    assert data.classes == ["FR", "GR"]
    assert np.bincount(data.labels("test")).tolist() == [7, 7]


def test_a_class_without_splits_is_divided(tmp_path):
    for label in ("Forest", "River"):
        pictures(tmp_path / "EuroSAT" / "eurosat" / "2750" / label, 40)
    data = prepared("EuroSAT", tmp_path)
    assert sum(data.counts.values()) == 80
    assert min(data.counts.values()) > 0
    assert data.classes == ["Forest", "River"]


def test_a_class_with_a_training_flag(tmp_path):
    write_idx(tmp_path / "KMNIST" / "KMNIST" / "raw", train=50, test=20)
    data = prepared("KMNIST", tmp_path, channels=1)
    assert data.counts == {"train": 45, "validation": 5, "test": 20}


def test_a_class_whose_files_are_where_torchvision_puts_them_below_the_data_root(tmp_path):
    write_idx(tmp_path / "KMNIST" / "raw", train=50, test=20)
    assert prepared("KMNIST", tmp_path, channels=1).counts == {"train": 45, "validation": 5, "test": 20}


def test_the_command_line_takes_the_name_of_a_class():
    assert resolve({"dataset": "torchvision.SVHN", "preprocessing": {"image_size": 32}}).dataset == "torchvision.SVHN"
    for wrong in ("torchvision", "cifar10.x", "torchvisio.SVHN"):
        with pytest.raises(UserError, match="unknown data set"):
            resolve({"dataset": wrong})
    for look in (datasets.find, datasets.download):  # a dry run only looks
        with pytest.raises(UserError, match=r"^unknown torchvision class 'SVHNN'. Did you mean SVHN\?$"):
            look("torchvision.SVHNN", Path("nowhere"))


def test_incomplete_files_are_named(tmp_path):
    (tmp_path / "EuroSAT").mkdir()
    (tmp_path / "EuroSAT" / "readme.txt").touch()
    message = r"needs \(Dataset not found\); complete it, or move it away, so that it is downloaded$"
    with pytest.raises(UserError, match=f"does not hold what torchvision.datasets.EuroSAT {message}"):
        datasets.find("torchvision.EuroSAT", tmp_path)


def test_a_failed_download_says_where_files_go(tmp_path, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("torchvision.datasets.EuroSAT.download", fail)
    with pytest.raises(RunError, match=r"cannot download torchvision.EuroSAT \(no network\).*files in EuroSAT/"):
        datasets.download("torchvision.EuroSAT", tmp_path)
