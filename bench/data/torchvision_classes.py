"""Any class of torchvision.datasets that yields an image and a class number, by its name."""

import inspect
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.data.array_files import SPLIT_NAMES, pixels
from bench.data.decode import Images, Rows, crop_and_resize, name_in_errors
from bench.data.hashed_splits import divide_by_content
from bench.data.sources import Source, SourceSplit
from bench.errors import UserError, reason, unknown
from bench.experiment.settings import Preprocessing

PREFIX = "torchvision."
GENERIC = {"DatasetFolder", "ImageFolder", "VisionDataset"}  # --dataset folder does this


def torchvision_class(name: str, root: Path) -> Source | None:
    """The files of a torchvision class below `root/NAME/`, where torchvision has put them; None if there are none.

    The class must take `train` (true or false) or `split` ("train", "test" and perhaps "val"), or neither; then all
    images are divided by the sha256 of their pixels.

    Raises:
        UserError: torchvision has no such class, its files are incomplete, or it does not yield images and classes.
    """
    folder = root / name
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if not files:
        _class(name)
        return None
    splits = _loaded(name, folder)
    first = next(iter(splits.values()))
    classes = [str(value) for value in getattr(first, "classes", [])]
    labels = {split: _labels(data) for split, data in splits.items()}
    numbers = [values for values in labels.values() if values is not None]
    if len(numbers) < len(labels):
        classes = []
    elif not classes:
        classes = [str(value) for value in range(max(int(values.max()) for values in numbers) + 1)]

    def load() -> dict[str, SourceSplit]:
        loaded = {
            split: SourceSplit(_images(data, name), labels[split] if classes else None)
            for split, data in splits.items()
        }
        return divide_by_content(loaded["all"], PREFIX + name) if "all" in loaded else loaded

    return Source(PREFIX + name, folder, files, load, classes)


def fetch(name: str, folder: Path) -> None:
    """Download a torchvision class into a folder.

    Raises:
        UserError: torchvision has no such class, or it cannot be downloaded.
    """
    if "download" not in _parameters(name):
        raise UserError(f"torchvision cannot download {name}; put its files into {folder}")
    for _ in _splits(name, folder, download=True):
        pass


def _class(name: str) -> Any:
    from torchvision import datasets

    signatures = {each: inspect.signature(getattr(datasets, each)).parameters for each in datasets.__all__}
    needed = {"root", "transform", "target_transform"}  # others yield flows, pairs or videos, or need other files
    names = [each for each, parameters in signatures.items() if needed <= parameters.keys() and each not in GENERIC]
    if name not in names:
        raise unknown("torchvision class", name, names)
    return getattr(datasets, name)


def _parameters(name: str) -> set[str]:
    return set(inspect.signature(_class(name)).parameters)


def _loaded(name: str, folder: Path) -> dict[str, Any]:
    """The splits in a folder. Some classes look for their files in a folder of their name in it, so look beside it."""
    try:
        return dict(_splits(name, folder, download=False))
    except UserError:
        with suppress(UserError):
            return dict(_splits(name, folder.parent, download=False))
        raise


def _splits(name: str, folder: Path, download: bool) -> Iterator[tuple[str, Any]]:
    parameters = _parameters(name)
    options = {"download": True} if download else {}
    make = _class(name)
    try:
        if "train" in parameters:
            for split in ("train", "test"):
                yield split, make(str(folder), train=split == "train", **options)
        elif "split" in parameters:
            yield from _named_splits(make, folder, options)
        else:
            yield "all", make(str(folder), **options)
    except (RuntimeError, OSError) as error:
        if download:
            raise
        problem = f"{folder} does not hold what torchvision.datasets.{name} needs"
        remedy = "complete it, or move it away, so that it is downloaded"
        raise UserError(f"{problem} ({reason(error).partition('. ')[0]}); {remedy}") from error


def _named_splits(make: Any, folder: Path, options: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for split, names in SPLIT_NAMES.items():
        for name in names:
            with suppress(ValueError):  # torchvision's answer to a split that the class does not have
                yield split, make(str(folder), split=name, **options)
                break
        else:
            if split != "validation":
                raise UserError(f"torchvision.datasets.{make.__name__} has no split {split!r}; use another class")


def _labels(data: Any) -> np.ndarray | None:
    """Class numbers [n]; None if targets are something else."""
    for attribute in ("targets", "labels", "_labels"):
        values = getattr(data, attribute, None)
        if values is not None and len(values) == len(data):
            values = np.asarray(values)
            return values.astype(np.int64) if values.ndim == 1 and values.dtype.kind in "iu" else None
    return None


def _images(data: Any, name: str) -> Images:
    stored = getattr(data, "data", None)
    if stored is not None and len(stored) == len(data) and getattr(stored, "ndim", 0) in (3, 4):
        return pixels(np.asarray(stored), f"{PREFIX}{name}")
    return Items(np.arange(len(data)), data)


@dataclass(frozen=True)
class Items(Rows):
    """Images of a torch data set, decoded on demand.

    Attributes:
        data: the data set, which yields (a Pillow image, ...).
    """

    data: Any

    def name(self, row: int) -> str:
        """Return the image's name for messages."""
        return f"number {self.rows[row]} of {type(self.data).__name__}"

    def content(self, row: int) -> bytes:
        """Return bytes that identify one image."""
        return self.data[int(self.rows[row])][0].tobytes()

    def decode(self, row: int, preprocessing: Preprocessing) -> np.ndarray:
        """Decode one image to uint8 [channels, side, side].

        Raises:
            UnusableImage: it names the image.
        """
        with name_in_errors(self.name(row)):
            return crop_and_resize(self.data[int(self.rows[row])][0], preprocessing)
