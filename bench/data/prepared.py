"""A prepared data set on disk: what `bench.data.preparation` returns, and what everything else reads."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from bench.data import sidecar
from bench.data.constant_errors import constant_errors
from bench.data.image_files import ImageFile, is_array
from bench.data.sidecar import ConstantErrors, Sidecar, Split
from bench.data.splits import UNIONS
from bench.experiment.settings import Preprocessing
from bench.io.files import Folder, file_sha256
from bench.io.locks import file_lock

IN_USE = ".in-use"


@dataclass(frozen=True)
class Prepared:
    """A prepared data set on disk.

    Attributes:
        folder: `<prepared>/<name>/<fingerprint>/`.
    """

    folder: Path

    @cached_property
    def sidecar(self) -> Sidecar:
        """The description of the set. It is read once; `check` reads it again."""
        return sidecar.read(self.folder)

    @property
    def fingerprint(self) -> str:
        """The sha256 of the source files and the preprocessing."""
        return self.sidecar.fingerprint

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.sidecar.preprocessing.shape

    @property
    def classes(self) -> list[str]:
        """Names of the classes; empty if the images have no labels."""
        return self.sidecar.classes

    @property
    def skipped(self) -> dict[str, str]:
        """Images that were left out -> the reason. If they are many, only the first."""
        return self.sidecar.skipped

    @property
    def counts(self) -> dict[str, int]:
        """Number of images in each split."""
        return {name: split.images for name, split in self.sidecar.splits.items()}

    @cached_property
    def constant_errors(self) -> ConstantErrors:
        """The units of relative penalty weights. They are computed if the sidecar of an older version lacks them."""
        return self.sidecar.constant_errors or constant_errors(self.images("train"))

    def features(self, fallback: Folder) -> Folder:
        """Return the folder for extractors trained on this set and their statistics; `fallback` if it is read-only."""
        features = self.folder / "features"
        return Folder(features) if os.access(features if features.exists() else self.folder, os.W_OK) else fallback

    def count(self, split: str) -> int:
        """Return the number of images in a split, or in a union of splits (`splits.UNIONS`)."""
        return sum(self.counts[part] for part in UNIONS.get(split, (split,)))

    def batches(self, split: str, n: int, size: int) -> Iterator[np.ndarray]:
        """Map the first `n` images of a split or union of splits: uint8 [up to `size`, c, h, w]."""
        for part in UNIONS.get(split, (split,)):
            images = self.images(part)[:n]
            yield from (images[start : start + size] for start in range(0, len(images), size))
            n -= len(images)

    def images(self, split: str) -> np.ndarray:
        """Map the images of a split, uint8 [n, c, h, w]. Processes on one machine share the memory."""
        return np.lib.format.open_memmap(self.folder / f"{split}-images.npy", mode="c")

    def labels(self, split: str) -> np.ndarray:
        """Read the labels of a split, int64 [n], from 0. Only if there are classes."""
        return np.array(np.lib.format.open_memmap(self.folder / f"{split}-labels.npy", mode="r"))

    def is_present(self) -> bool:
        """Whether the folder has a sidecar. Cheap: nothing is verified."""
        return (self.folder / sidecar.FILE).is_file()

    def check(self) -> bool:
        """Whether all files are present and intact."""
        content = sidecar.read_verified(self.folder)
        if content is None:
            return False
        self.__dict__["sidecar"] = content  # the cache of `sidecar`: the folder may have been made again
        for name, split in content.splits.items():
            images = ImageFile(self.folder / f"{name}-images.npy", split.images, content.preprocessing)
            if not images.is_intact(split.sha256):
                return False
            if content.classes and not self._labels_intact(name, split, len(content.classes)):
                return False
        return True

    def _labels_intact(self, name: str, split: Split, classes: int) -> bool:
        path = self.folder / f"{name}-labels.npy"
        if not is_array(path, (split.images,), np.int64) or file_sha256(path) != split.labels_sha256:
            return False
        labels = self.labels(name)
        return bool(((labels >= 0) & (labels < classes)).all())


def image_bytes(preprocessing: Preprocessing, counts: dict[str, int]) -> int:
    """Return the bytes that the images of all splits take on disk."""
    return sum(counts.values()) * int(np.prod(preprocessing.shape))


@contextmanager
def in_use(prepared: Prepared) -> Iterator[None]:
    """Keep bench.clean from removing the set, by a lock that the system releases if this process dies.

    Mark a set before it is checked: it may be removed until it is marked. A missing set is not marked, and neither is
    one in a read-only folder, from which bench.clean cannot remove anything either.
    """
    folder = prepared.folder / IN_USE
    lock = file_lock(folder / f"{uuid.uuid4().hex}.lock")
    try:
        marked = prepared.is_present() and not folder.is_symlink()
        if marked:
            folder.mkdir(exist_ok=True)  # not its parents: the set may have been removed since
            lock.acquire()
    except OSError:
        marked = False
    try:
        yield
    finally:
        if marked:
            lock.release()
            Path(lock.lock_file).unlink(missing_ok=True)
