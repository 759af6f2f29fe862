"""Images in an array file: .npy, .npz, HDF5 or a torch tensor file. No format runs code that a file contains."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np

from bench.data.decode import Pixels
from bench.data.hashed_splits import divide_by_content
from bench.data.sources import Source, SourceSplit
from bench.errors import UserError, reason

SUFFIXES = (".npy", ".npz", ".h5", ".hdf5", ".pt", ".pth")
SPLIT_NAMES = {"train": ("train",), "validation": ("validation", "val", "valid"), "test": ("test",)}
PATTERNS = (("{}_images", "{}_labels"), ("{}/images", "{}/labels"), ("x_{}", "y_{}"), ("{}_x", "{}_y"))
WHOLE = (("images", "labels"), ("x", "y"), ("data", "labels"))

Arrays = Mapping[str, Any]  # name -> an array, or what numpy makes one of when it is indexed with [...]


def array_file(path: Path) -> Source | None:
    """The images and labels of an array file; None if there is no such file.

    A file with one array holds images. Otherwise names say which array is which: `images` and `labels`; or for each
    split `train_images` and `train_labels`, `x_train` and `y_train`, or in HDF5 `train/images` and `train/labels`.
    Without splits, the sha256 of an image's pixels decides its split.

    Images are uint8, bool, or floating-point in [0, 1]; of shape [n, h, w], [n, h, w, c] or [n, c, h, w] with 1 or 3
    channels. Labels are integers, of shape [n] or [n, 1].

    Raises:
        UserError: the file has another suffix or cannot be read, or its arrays are not images and labels.
    """
    if not path.is_file():
        return None
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path} is none of {', '.join(SUFFIXES)}; use --dataset folder for a folder of image files")
    with opened(path) as arrays:
        pairs = image_and_label_names(arrays, path)
        labels = {split: labels_of(arrays, name, path) for split, (_, name) in pairs.items()}
    classes = _classes(labels, path)

    def load() -> dict[str, SourceSplit]:
        with opened(path) as arrays:
            images = {split: pixels(arrays[name][...], f"{path}: {name}") for split, (name, _) in pairs.items()}
        splits = {split: split_of(path, images[split], labels[split], classes) for split in images}
        return divide_by_content(splits["all"], path) if "all" in splits else splits

    return Source(f"arrays in {path.name}", path.parent, [path], load, [str(value) for value in classes])


def image_and_label_names(arrays: Arrays, origin: object) -> dict[str, tuple[str, str | None]]:
    """Return the names of the images and labels of each split, or of "all".

    Raises:
        UserError: there are several arrays, and none has a name of images; or there is no train or no test split.
    """
    names = list(arrays)
    pairs: dict[str, tuple[str, str | None]] = {}
    for split, synonyms in SPLIT_NAMES.items():
        for images, labels in ((a.format(s), b.format(s)) for s in synonyms for a, b in PATTERNS):
            if images in names:
                pairs.setdefault(split, (images, labels if labels in names else None))
    if pairs:
        missing = [split for split in ("train", "test") if split not in pairs]
        if missing:
            raise UserError(
                f"{origin} has no {missing[0]} images; name them {missing[0]}_images, or put all images into one array "
                f"`images`, which is then split"
            )
        return pairs
    for images, labels in WHOLE:
        if images in names:
            return {"all": (images, labels if labels in names else None)}
    if len(names) == 1:
        return {"all": (names[0], None)}
    raise UserError(
        f"{origin} has the arrays {', '.join(names[:6]) or 'none'}; name them images and labels, or train_images, "
        f"train_labels, test_images and test_labels"
    )


@contextmanager
def opened(path: Path) -> Iterator[Arrays]:
    """Open an array file; arrays are read when they are indexed.

    Raises:
        UserError: it cannot be read, or the package that reads it is missing.
    """
    try:
        arrays, close = _READERS[path.suffix.lower()](path)
        try:
            yield arrays
        finally:
            close()
    except UserError:
        raise
    except UnpicklingError as error:
        problem = "it is damaged, or holds other objects than tensors, which could run code"
        raise UserError(f"cannot read {path}: {problem}; it must hold plain arrays") from error
    except Exception as error:  # the libraries raise many types for a damaged file, some when an array is read
        problem = reason(error)[:150].rstrip(".")
        raise UserError(f"cannot read {path}: {problem}; it must hold plain arrays") from error


def _npy(path: Path) -> tuple[Arrays, Callable[[], None]]:
    return {"images": np.load(path, mmap_mode="r", allow_pickle=False)}, lambda: None


def _npz(path: Path) -> tuple[Arrays, Callable[[], None]]:
    archive = np.load(path, allow_pickle=False)
    return archive, archive.close


def _hdf5(path: Path) -> tuple[Arrays, Callable[[], None]]:
    try:
        import h5py
    except ImportError:
        raise UserError(f"reading {path} needs h5py; pip install h5py") from None
    file = h5py.File(path, "r")
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return {name: file[name] for name in names}, file.close


def _torch(path: Path) -> tuple[Arrays, Callable[[], None]]:
    import torch

    content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    if isinstance(content, torch.Tensor):
        content = {"images": content}
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise UserError(f"{path} must hold one tensor, or a dict of tensors")
    return {str(name): tensor.numpy() for name, tensor in content.items()}, lambda: None


_READERS = {".npy": _npy, ".npz": _npz, ".h5": _hdf5, ".hdf5": _hdf5, ".pt": _torch, ".pth": _torch}


def pixels(array: np.ndarray, origin: str) -> Pixels:
    """Return an array of images as uint8 [n, h, w] or [n, h, w, 3].

    Raises:
        UserError: its shape or its values are not those of images.
    """
    return Pixels(_as_bytes(_channels_last(np.asarray(array), origin), origin))


def _channels_last(array: np.ndarray, origin: str) -> np.ndarray:
    if array.ndim == 3:
        return array
    if array.ndim == 4:
        first, last = array.shape[1] in (1, 3), array.shape[3] in (1, 3)
        if first and last:
            raise UserError(f"{origin} has shape {array.shape}: it is unclear which dimension holds the channels")
        if first:
            array = array.transpose(0, 2, 3, 1)
        if first or last:
            return array[..., 0] if array.shape[3] == 1 else array
    raise UserError(f"{origin} has shape {array.shape}; images are [n, h, w], [n, h, w, 1 or 3] or [n, 1 or 3, h, w]")


def _as_bytes(array: np.ndarray, origin: str) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "f":
        low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
        if low >= 0 and high <= 1:  # false for NaN
            return np.rint(array * 255).astype(np.uint8)
        raise UserError(f"{origin} has values from {low:g} to {high:g}; scale them to [0, 1], or give uint8")
    raise UserError(f"{origin} has the type {array.dtype}; give uint8, or floating-point numbers in [0, 1]")


def labels_of(arrays: Arrays, name: str | None, origin: object) -> np.ndarray | None:
    """Return labels, int64 [n]; None if `name` is None.

    Raises:
        UserError: they are not one integer per image; the message begins with `origin`.
    """
    if name is None:
        return None
    labels = np.asarray(arrays[name][...])
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise UserError(f"{origin}: {name} must be one integer per image, not {labels.dtype} of shape {labels.shape}")
    return labels.astype(np.int64)


def _classes(labels: Mapping[str, np.ndarray | None], path: Path) -> list[int]:
    """The values that occur, in order; none, if a split has no labels."""
    given = [values for values in labels.values() if values is not None]
    if len(given) < len(labels):
        return []
    values = sorted({int(value) for each in given for value in np.unique(each)})
    training = labels.get("train")
    unseen = set() if training is None else set(values) - set(training.tolist())
    if unseen:
        raise UserError(f"{path} has no training images of the class {min(unseen)}, which is in another split")
    return values if len(values) > 1 else []


def split_of(origin: object, images: Pixels, labels: np.ndarray | None, classes: list[int]) -> SourceSplit:
    """Return images with the numbers of their classes among the values `classes`; without labels if it is empty.

    Raises:
        UserError: there are more or fewer labels than images; the message begins with `origin`.
    """
    if labels is not None and len(labels) != len(images):
        raise UserError(f"{origin} has {len(images):,} images but {len(labels):,} labels")
    return SourceSplit(images, np.searchsorted(classes, labels) if classes and labels is not None else None)
