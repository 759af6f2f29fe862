"""Where images come from: scikit-learn's digits, torchvision's files, or a tree of image files."""

import importlib.util
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import RunError, UserError
from bench.files import sha256

Arrays = dict[str, tuple[np.ndarray, np.ndarray]]  # split -> images uint8 [n, c, h, w], labels [n]
SUFFIXES = {".png", ".jpg", ".jpeg"}


@dataclass(frozen=True)
class Facts:
    """What is known of a data set before any file is read. `images`: train, validation and test."""

    about: str
    shape: tuple[int, int, int]  # channels, height, width
    images: tuple[int, int, int]


DATASETS = {
    "digits": Facts("handwritten digits that ship with scikit-learn; no download", (1, 8, 8), (1000, 397, 400)),
    "mnist": Facts("handwritten digits", (1, 28, 28), (55000, 5000, 10000)),
    "cifar10": Facts("photographs of ten kinds of things", (3, 32, 32), (45000, 5000, 10000)),
}


@dataclass(frozen=True)
class Source:
    """Files on disk and how to read them."""

    about: str
    root: Path
    files: list[Path] = field(repr=False)
    load: Callable[[], Arrays] = field(repr=False)
    classes: list[str]

    def signature(self) -> str:
        """A cheap mark of these very files: names, sizes, dates."""
        stats = ((path.relative_to(self.root).as_posix(), path.stat()) for path in self.files)
        return sha256(repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]).encode())

    def contents(self) -> list[list[str]]:
        """Relative name and sha256 of every file, in order of name."""
        with ThreadPoolExecutor() as pool:
            digests = pool.map(lambda path: sha256(path.read_bytes()), self.files)
            return [[p.relative_to(self.root).as_posix(), d] for p, d in zip(self.files, digests, strict=True)]


@dataclass(frozen=True)
class Torchvision:
    """A data set that torchvision downloads: its class, the folder under the root, and the files that make it up."""

    name: str
    folder: str
    files: tuple[str, ...]
    channels: int

    def open(self, root: Path, train: bool, download: bool = False) -> Any:
        from torchvision import datasets

        return getattr(datasets, self.name)(str(root), train=train, download=download)


TORCHVISION = {
    "mnist": Torchvision(
        "MNIST",
        "MNIST/raw",
        tuple(f"{part}-{kind}-ubyte" for part in ("t10k", "train") for kind in ("images-idx3", "labels-idx1")),
        channels=1,
    ),
    "cifar10": Torchvision(
        "CIFAR10",
        "cifar-10-batches-py",
        ("batches.meta", *(f"data_batch_{i}" for i in range(1, 6)), "test_batch"),
        channels=3,
    ),
}


def find(name: str, root: Path) -> Source | None:
    """What is at hand under `root` for this data set: torchvision's own files first, then a tree of images."""
    if name == "digits":
        return _digits()
    known = TORCHVISION[name]
    if all((root / known.folder / file).exists() for file in known.files):
        return _torchvision(known, root)
    tree = root / name
    return _tree(tree, known.channels) if tree.is_dir() else None


def download(name: str, root: Path) -> Source:
    """Let torchvision download into `root`; RunError, with both ways to provide the data, where it cannot."""
    known = TORCHVISION[name]
    print(f"downloading {name} into {root} (torchvision)", flush=True)
    try:
        known.open(root, train=True, download=True)
        known.open(root, train=False, download=True)
    except (OSError, RuntimeError) as error:
        raise RunError(
            f"cannot download {name} ({type(error).__name__}); name with --data-root a folder that holds torchvision's "
            f"files ({known.folder}/) or images as {name}/{{train,test}}/<class>/*.png or .jpg"
        ) from error
    return _torchvision(known, root)


def _digits() -> Source:
    spec = importlib.util.find_spec("sklearn")  # found, not imported: that takes seconds
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"

    def load() -> Arrays:
        from sklearn import datasets

        loaded: Any = datasets.load_digits()
        images = np.rint(loaded.images * (255 / 16)).astype(np.uint8)  # 17 grey levels, 0 to 16
        return {"train": (images[:, None], loaded.target)}

    return Source("scikit-learn load_digits", path.parent, [path], load, [str(i) for i in range(10)])


def _torchvision(known: Torchvision, root: Path) -> Source:
    def load() -> Arrays:
        arrays = {}
        for split in ("train", "test"):
            data = known.open(root, train=split == "train")
            images = np.asarray(data.data)
            images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
            arrays[split] = (images, np.asarray(data.targets))
        return arrays

    folder = root / known.folder
    about = f"torchvision.datasets.{known.name}"
    return Source(about, folder, [folder / file for file in sorted(known.files)], load, [])


def _tree(tree: Path, channels: int) -> Source:
    """`tree/{train,test}/<class>/*.{png,jpg}`; classes are numbered in the order of their names."""
    files = sorted(p for p in tree.glob("*/*/*") if p.suffix.lower() in SUFFIXES and p.parts[-3] in ("train", "test"))
    classes = sorted({path.parent.name for path in files})
    for split in ("train", "test"):
        if not any(path.parts[-3] == split for path in files):
            raise UserError(f"{tree} has no images under {split}/<class>/*.png or .jpg")

    def load() -> Arrays:
        arrays = {}
        for split in ("train", "test"):
            paths = [path for path in files if path.parts[-3] == split]
            print(f"decoding {len(paths)} images of {tree / split}", flush=True)
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                images = list(pool.map(partial(_decode, channels=channels), paths))
            shapes = {image.shape for image in images}
            if len(shapes) > 1:
                raise UserError(f"{tree / split} holds images of different sizes: {sorted(s[1:] for s in shapes)[:3]}")
            arrays[split] = (np.stack(images), np.array([classes.index(path.parent.name) for path in paths]))
        return arrays

    return Source(f"images in {tree.name}/{{train,test}}/<class>/", tree, files, load, classes)


def _decode(path: Path, channels: int) -> np.ndarray:
    """An image file -> uint8 [c, h, w], grey or RGB."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise UserError(f"cannot read the image {path}: {error}") from None
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)
