"""Images in array files: formats, names, shapes, types, splits and labels."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from bench.data import preparation
from bench.data.array_files import array_file
from bench.data.datasets import Request
from bench.data.hashed_splits import split_by_hash
from bench.errors import UserError
from bench.experiment.settings import Preprocessing

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)
LABELS = np.arange(60) % 3 + 5


def save(path: Path, **arrays: np.ndarray) -> Path:
    """Write arrays in the format of the suffix."""
    if path.suffix == ".npy":
        np.save(path, arrays["images"])
    elif path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".pt":
        torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, path)
    else:
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array
    return path


def prepared(path: Path, tmp_path: Path, channels: int = 3) -> preparation.Prepared:
    preprocessing = Preprocessing(image_size=8, channels=channels)
    return preparation.prepare(Request("arrays", path, preprocessing, tmp_path / "prepared"))


def rows(images: np.ndarray) -> set[bytes]:
    return {image.tobytes() for image in images}


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".pt"])
def test_every_format_gives_the_same_images_labels_and_splits(tmp_path, suffix):
    data = prepared(save(tmp_path / f"mine{suffix}", images=IMAGES, labels=LABELS), tmp_path)
    expected = [split_by_hash(image.tobytes()) for image in IMAGES]
    for split in ("train", "validation", "test"):
        mine = [i for i in range(60) if expected[i] == split]
        assert rows(data.images(split)) == rows(IMAGES[mine].transpose(0, 3, 1, 2))
        label_of = {
            image.tobytes(): label - 5 for image, label in zip(IMAGES.transpose(0, 3, 1, 2), LABELS, strict=True)
        }
        assert data.labels(split).tolist() == [label_of[image.tobytes()] for image in data.images(split)]
    assert data.classes == ["5", "6", "7"]


def test_one_array_holds_images_without_labels(tmp_path):
    assert prepared(save(tmp_path / "mine.npy", images=IMAGES), tmp_path).classes == []
    tensor = tmp_path / "mine.pt"
    torch.save(torch.from_numpy(IMAGES), tensor)
    assert sum(prepared(tensor, tmp_path).counts.values()) == 60


@pytest.mark.parametrize(
    ("images", "labels"), [("{}_images", "{}_labels"), ("x_{}", "y_{}"), ("{}/images", "{}/labels")]
)
def test_published_splits_are_kept(tmp_path, images, labels):
    arrays = {}
    for split, part in (("train", slice(0, 40)), ("test", slice(40, 60))):
        arrays |= {images.format(split): IMAGES[part], labels.format(split): LABELS[part, None]}
    data = prepared(save(tmp_path / "mine.h5", **arrays), tmp_path)
    assert data.counts == {"train": 36, "validation": 4, "test": 20}
    assert rows(data.images("test")) == rows(IMAGES[40:].transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    "array",
    [
        IMAGES.transpose(0, 3, 1, 2),
        IMAGES / 255,
        (IMAGES / 255).astype(np.float32).transpose(0, 3, 1, 2),
        torch.from_numpy(IMAGES).half().numpy().astype(np.float64) / 255,
    ],
)
def test_layouts_and_types_hold_the_same_pixels(tmp_path, array):
    data = prepared(save(tmp_path / "mine.npz", images=array), tmp_path)
    assert rows(np.concatenate([data.images(s) for s in data.counts])) == rows(IMAGES.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("array", [IMAGES[..., 0], IMAGES[..., :1], IMAGES[..., 0][:, None]])
def test_one_channel_is_grey(tmp_path, array):
    data = prepared(save(tmp_path / "mine.npz", images=array), tmp_path, channels=1)
    assert rows(np.concatenate([data.images(s) for s in data.counts])) == rows(IMAGES[..., 0][:, None])


def test_booleans_are_black_and_white(tmp_path):
    data = prepared(save(tmp_path / "mine.npz", images=IMAGES[..., 0] > 99), tmp_path, channels=1)
    assert set(np.unique(data.images("train"))) == {0, 255}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": IMAGES, "b": IMAGES}, "has the arrays a, b; name them images and labels"),
        ({"train_images": IMAGES}, "has no test images; name them test_images"),
        ({"images": IMAGES * 1.0}, "has values from 0 to 255; scale them to [0, 1], or give uint8"),
        ({"images": np.full((60, 8, 8), np.nan)}, "has values from nan to nan"),
        ({"images": IMAGES.astype(np.int32)}, "has the type int32; give uint8"),
        ({"images": IMAGES.reshape(60, -1)}, "has shape (60, 192); images are [n, h, w]"),
        ({"images": IMAGES[:, :3, :, :]}, "it is unclear which dimension holds the channels"),
        ({"images": IMAGES, "labels": LABELS[:9]}, "has 60 images but 9 labels"),
        ({"images": IMAGES, "labels": LABELS / 2}, "labels must be one integer per image"),
        ({"images": IMAGES, "labels": np.arange(60)}, "has too few images of class"),
        (
            {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS + 1},
            "has no training images of the class 8",
        ),
        ({"images": IMAGES[:4]}, "has too few images: none are left for"),
    ],
)
def test_what_holds_no_images_is_refused_in_one_line(tmp_path, arrays, message):
    path = save(tmp_path / "mine.npz", **arrays)
    with pytest.raises(UserError) as error:
        prepared(path, tmp_path)
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt", ".h5"])
def test_a_damaged_file_is_named(tmp_path, suffix):
    path = tmp_path / f"mine{suffix}"
    path.write_bytes(b"not arrays")
    with pytest.raises(UserError, match=r"cannot read .*mine"):
        array_file(path)


def test_no_format_runs_code_from_the_file(tmp_path):
    for path in (tmp_path / "mine.npy", tmp_path / "mine.npz"):
        (np.save if path.suffix == ".npy" else np.savez)(path, np.array([print], dtype=object))
    torch.save({"images": print}, tmp_path / "mine.pt")
    with pytest.raises(UserError, match="holds other objects than tensors, which could run code"):
        prepared(tmp_path / "mine.pt", tmp_path)
    for path in tmp_path.iterdir():
        with pytest.raises(UserError, match=r"cannot read .*; it must hold plain arrays"):
            prepared(path, tmp_path)


def test_other_files_and_missing_ones(tmp_path):
    (tmp_path / "mine.mat").touch()
    with pytest.raises(UserError, match=r"is none of \.npy"):
        array_file(tmp_path / "mine.mat")
    assert array_file(tmp_path / "missing.npz") is None


def test_copies_of_an_image_are_in_one_split(tmp_path):
    data = prepared(save(tmp_path / "mine.npy", images=np.concatenate([IMAGES, IMAGES])), tmp_path)
    splits = [rows(data.images(split)) for split in data.counts]
    assert sum(map(len, splits)) == 60
