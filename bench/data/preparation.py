"""Data sets, prepared once into memory-mapped uint8 arrays.

A prepared set is a folder `<prepared>/<name>/<fingerprint>/` with `<split>-images.npy` (uint8, [n, c, h, w]) and, for
images with classes, `<split>-labels.npy` (int64, [n]) for train, validation and test, and `sidecar.json`. Each split is
in a fixed random order, so that its first N images are a fair sample of it.
"""

import json
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from pydantic import ValidationError

from bench.data import datasets
from bench.data.image_files import ImageFile, decode_seconds, is_array
from bench.data.sources import Source, file_sha256
from bench.data.writing import VERSION, Request, load, split_parts, write
from bench.errors import RunError, one_line
from bench.experiment.settings import Preprocessing
from bench.io import untrusted
from bench.io.files import Folder, make_folder, sha256, writing
from bench.io.untrusted import Malformed
from bench.store import documents

IN_USE = ".in-use"


@dataclass(frozen=True)
class Found:
    """What is known of a data set at hand before it is prepared."""

    fingerprint: str
    counts: dict[str, int]  # images in each split
    labelled: bool
    prepared: bool
    decode_seconds: float  # that preparing it takes, about


@dataclass(frozen=True)
class Prepared:
    """A prepared data set on disk."""

    folder: Path

    @property
    def sidecar(self) -> dict[str, Any]:
        path = self.folder / "sidecar.json"
        return _said(untrusted.read(path, untrusted.LIST), path)

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
            if not images.whole(noted["sha256"]):
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


def locate(request: Request) -> Found | None:
    """What is at hand, without preparing or downloading anything."""
    source = datasets.find(request.name, request.root)
    if source is None:
        return None
    known = _known(request, source)
    if known:  # then reading the source, which takes seconds, tells nothing new
        prepared = Prepared(_folder(request, known))
        return Found(known, prepared.counts, bool(prepared.classes), prepared=True, decode_seconds=0.0)
    parts = split_parts(request.name, load(source))
    counts = {split: len(part.images) for split, part in parts.items()}
    seconds = decode_seconds(parts["train"].images, request.preprocessing) * sum(counts.values())
    return Found(_fingerprint(request, source), counts, bool(source.classes), prepared=False, decode_seconds=seconds)


def prepare(request: Request) -> Prepared:
    """The prepared data set; prepares it, downloading the source if need be, where that has not been done.

    Raises:
        UserError: the source is neither there nor to be downloaded, or an image cannot be used; it says what to do.
        RunError: no space left, or a failed download. What is done stays done.
    """
    source = datasets.find(request.name, request.root) or datasets.download(request.name, request.root)
    fingerprint = _known(request, source) or _fingerprint(request, source)
    prepared = Prepared(_folder(request, fingerprint))
    folder = prepared.folder.parent
    if not prepared.check():  # no lock where nothing is written: the folder may be read-only
        make_folder(folder)
        with _lock(folder / ".lock"):
            if not prepared.check():  # another process may have done it while this one waited
                if prepared.folder.exists():
                    print(f"warning: {prepared.folder} is damaged; preparing it again", file=sys.stderr)
                    shutil.rmtree(prepared.folder)
                write(request, source, fingerprint, prepared.folder)
    _tell_skipped(prepared)
    return prepared


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


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Wait, after saying so, for another process that prepares the same set."""
    lock = FileLock(path)
    with writing(path):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print(f"waiting for another process that prepares {path.parent.name}", flush=True)
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _tell_skipped(prepared: Prepared) -> None:
    if prepared.skipped:
        count, first = len(prepared.skipped), next(iter(prepared.skipped.values()))
        where = f"all are listed in {prepared.folder}/sidecar.json"
        print(one_line(f"warning: {count} images are left out: {first}; {where}"), file=sys.stderr)


def _fingerprint(request: Request, source: Source) -> str:
    """sha256 of the source files' names and contents and of the preprocessing; not of paths, dates or decoders."""
    parts = [VERSION, request.preprocessing.model_dump(), source.contents()]
    return sha256(json.dumps(parts).encode())


def _folder(request: Request, fingerprint: str) -> Path:
    return request.prepared / request.name / fingerprint[:16]


def _known(request: Request, source: Source) -> str | None:
    """The fingerprint noted when these very files (by name, size and date) were prepared; saves hashing them."""
    signature = source.signature()
    for path in (request.prepared / request.name).glob("*/sidecar.json"):
        sidecar = _readable(path) or {}
        expected = (signature, request.preprocessing.model_dump(), VERSION)
        found = (sidecar.get("signature"), sidecar.get("preprocessing"), sidecar.get("version"))
        if found == expected and path.parent == _folder(request, sidecar["fingerprint"]):  # not a copy elsewhere
            return sidecar["fingerprint"]
    return None


def _readable(sidecar: Path) -> dict[str, Any] | None:
    """What a sidecar says; None where it is missing or damaged."""
    try:
        untrusted.look_over(sidecar.parent)
        whole = Folder(sidecar.parent).read_whole(sidecar.name)
        return None if whole is None else _said(whole, sidecar)
    except Malformed:
        return None


def _said(whole: bytes, sidecar: Path) -> dict[str, Any]:
    """What a sidecar's bytes say; Malformed where that is not what `bench.data.writing` writes."""
    said = documents.checked(untrusted.document(whole, sidecar, untrusted.LIST), documents.Sidecar, sidecar)
    try:
        assert Preprocessing.model_validate(said["preprocessing"]).image_size
    except (ValidationError, AssertionError):
        raise Malformed(sidecar, "has no preprocessing that can be read; remove it") from None
    return said
