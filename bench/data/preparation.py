"""Data sets, prepared once into memory-mapped uint8 arrays.

A prepared set is a folder `<prepared>/<name>/<fingerprint>/` with `<split>-images.npy` (uint8, [n, c, h, w]) and, for
images with classes, `<split>-labels.npy` (int64, [n]) for train, validation and test, and `sidecar.json`. Each split is
in a fixed random order, so that its first N images are a fair sample of it.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from bench.data import datasets
from bench.data.datasets import Request
from bench.data.image_files import decode_seconds
from bench.data.prepared import Prepared
from bench.data.sidecar import read_verified
from bench.data.sources import Source
from bench.data.splits import load, split_parts
from bench.data.writing import VERSION, write
from bench.errors import warn
from bench.io.files import explain_write_errors, make_folder, sha256


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set at hand before it is prepared."""

    fingerprint: str
    counts: dict[str, int]  # images in each split
    labelled: bool
    prepared: bool
    decode_seconds: float  # that preparing it takes, about


def locate(request: Request) -> DatasetInfo | None:
    """What is at hand, without preparing or downloading anything."""
    source = datasets.find(request.name, request.root)
    if source is None:
        return None
    known = _known(request, source)
    if known:  # then reading the source, which takes seconds, tells nothing new
        prepared = Prepared(_folder(request, known))
        return DatasetInfo(known, prepared.counts, bool(prepared.classes), prepared=True, decode_seconds=0.0)
    parts = split_parts(request.name, load(source))
    counts = {split: len(part.images) for split, part in parts.items()}
    seconds = decode_seconds(parts["train"].images, request.preprocessing) * sum(counts.values())
    return DatasetInfo(
        _fingerprint(request, source), counts, bool(source.classes), prepared=False, decode_seconds=seconds
    )


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
                    warn(f"{prepared.folder} is damaged; preparing it again")
                    shutil.rmtree(prepared.folder)
                write(request, source, fingerprint, prepared.folder)
    _tell_skipped(prepared)
    return prepared


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Wait, after saying so, for another process that prepares the same set."""
    lock = FileLock(path)
    with explain_write_errors(path):
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
        warn(f"{count} images are left out: {first}; {where}")


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
        sidecar = read_verified(path.parent)
        if sidecar is None or (sidecar.signature, sidecar.version) != (signature, VERSION):
            continue
        in_place = path.parent == _folder(request, sidecar.fingerprint)  # not a copy under another name
        if in_place and sidecar.preprocessing == request.preprocessing:
            return sidecar.fingerprint
    return None
