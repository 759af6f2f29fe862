"""A prepared data set on disk."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from bench.data.image_files import ImageFile, is_array
from bench.data.sidecar import _readable, _said
from bench.errors import RunError
from bench.experiment.settings import Preprocessing
from bench.io import untrusted
from bench.io.files import Folder, file_sha256, make_folder

IN_USE = ".in-use"


@dataclass(frozen=True)
class Prepared:
    """A prepared data set on disk."""

    folder: Path

    @property
    def sidecar(self) -> dict[str, Any]:
        path = self.folder / "sidecar.json"
        return _said(untrusted.read_bounded(path, untrusted.MAX_LIST_BYTES), path)

    @property
    def fingerprint(self) -> str:
        return self.sidecar["fingerprint"]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return Preprocessing.model_validate(self.sidecar["preprocessing"]).shape

    @property
    def classes(self) -> list[str]:
        """Their names; empty where images have no labels."""
        return self.sidecar["classes"]

    @property
    def skipped(self) -> dict[str, str]:
        """Images that were left out, and why."""
        return self.sidecar["skipped"]

    @property
    def counts(self) -> dict[str, int]:
        """Images in each split."""
        return {split: noted["images"] for split, noted in self.sidecar["splits"].items()}

    def features(self, otherwise: Folder) -> Folder:
        """Where extractors trained on it, and what they say of it, are kept; `otherwise` if that is read-only."""
        mine = self.folder / "features"
        return Folder(mine) if os.access(mine if mine.exists() else self.folder, os.W_OK) else otherwise

    def images(self, split: str) -> np.ndarray:
        """uint8 [n, c, h, w], memory-mapped: processes on one machine share the pages."""
        return np.lib.format.open_memmap(self.folder / f"{split}-images.npy", mode="c")

    def labels(self, split: str) -> np.ndarray:
        """int64 [n], from 0; only where there are classes."""
        return np.array(np.lib.format.open_memmap(self.folder / f"{split}-labels.npy", mode="r"))

    def check(self) -> bool:
        """Whether everything is there and what was written."""
        sidecar = _readable(self.folder / "sidecar.json")
        if sidecar is None:
            return False
        preprocessing = Preprocessing.model_validate(sidecar["preprocessing"])
        for split, noted in sidecar["splits"].items():
            images = ImageFile(self.folder / f"{split}-images.npy", noted["images"], preprocessing)
            if not images.is_intact(noted["sha256"]):
                return False
            if sidecar["classes"] and not self._labels_whole(split, noted, len(sidecar["classes"])):
                return False
        return True

    def _labels_whole(self, split: str, noted: dict[str, Any], classes: int) -> bool:
        path = self.folder / f"{split}-labels.npy"
        if not is_array(path, (noted["images"],), np.int64) or file_sha256(path) != noted.get("labels_sha256"):
            return False
        labels = self.labels(split)
        return bool(((labels >= 0) & (labels < classes)).all())


@contextmanager
def in_use(prepared: Prepared) -> Iterator[None]:
    """Keep bench.clean from removing the set meanwhile: a lock of one's own, which the system lifts if this dies."""
    lock = FileLock(prepared.folder / IN_USE / f"{uuid.uuid4().hex}.lock")
    try:
        make_folder(prepared.folder / IN_USE)
        lock.acquire()
    except (OSError, RunError):  # a read-only folder, from which nothing can be removed either
        yield
        return
    try:
        yield
    finally:
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)
