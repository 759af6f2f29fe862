"""Prepares data sets once, as memory-mapped uint8 arrays: the entry point of this package.

A prepared set is a folder `<prepared>/<name>/<fingerprint>/`. It holds `sidecar.json` and, for train, validation and
test, `<split>-images.npy` (uint8, [n, c, h, w]) and, if the images have classes, `<split>-labels.npy` (int64, [n]).
Each split is in a fixed random order, so its first N images are a random sample.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.data import datasets
from bench.data.conversions import choices, find_conversions, may_differ, notes, with_arrays
from bench.data.datasets import Request
from bench.data.image_writer import decode_seconds
from bench.data.prepared import Prepared, in_use
from bench.data.sidecar import ConstantErrors, Conversions, read_verified
from bench.data.sources import Source
from bench.data.splits import make_splits
from bench.data.writing import VERSION, write
from bench.errors import say, warn
from bench.io.files import explain_write_errors, make_folder, require_writable, sha256
from bench.io.locks import Timeout, file_lock


@dataclass(frozen=True)
class DatasetInfo:
    """A data set whose source is available.

    Attributes:
        counts: number of images in each split.
        labelled: whether the images have classes.
        prepared: whether it has been prepared already.
        constant_errors: the units of relative penalty weights. None if they are unknown before the set is prepared.
        decode_seconds: estimate of the time that preparing it takes.
        notes: lines that say what is left out.
    """

    fingerprint: str
    counts: dict[str, int]
    labelled: bool
    prepared: bool
    decode_seconds: float
    constant_errors: ConstantErrors | None = None
    notes: tuple[str, ...] = ()


def locate(request: Request) -> DatasetInfo | None:
    """Describe an available data set, without preparing or downloading anything; None if it is not available.

    Raises:
        UserError: the source is incomplete or damaged.
    """
    source = datasets.find(request.name, request.root)
    if source is None:
        return None
    known = _known_fingerprint(request, source)
    if known:  # no need to read the source, which takes seconds
        prepared = Prepared(_folder(request, known))
        errors = prepared.sidecar.constant_errors
        said = (*source.notes, *notes(prepared.sidecar.conversions))
        return DatasetInfo(known, prepared.counts, bool(prepared.classes), True, 0.0, errors, said)
    splits = make_splits(request.name, source.load())
    counts = {name: len(split.images) for name, split in splits.items()}
    seconds = decode_seconds(splits["train"].images, request.preprocessing) * sum(counts.values())
    conversions = find_conversions(source, request.preprocessing)
    return DatasetInfo(
        _fingerprint(request, source, conversions),
        counts,
        bool(source.classes),
        prepared=False,
        decode_seconds=seconds,
        notes=(*source.notes, *notes(with_arrays(conversions, splits, request.preprocessing))),
    )


def expected_counts(name: str, images: DatasetInfo | None) -> dict[str, int] | None:
    """The number of images in each split; None if it is not known before the data set is downloaded."""
    if images:
        return images.counts
    published = datasets.get(name).images
    return dict(zip(("train", "validation", "test"), published, strict=True)) if published else None


def find_prepared(request: Request, images: DatasetInfo) -> Prepared | None:
    """Return the set that `locate` described, if it has been prepared. Only its sidecar has been verified."""
    return Prepared(_folder(request, images.fingerprint)) if images.prepared else None


def prepare(request: Request) -> Prepared:
    """Return the prepared data set, as `held` does, but do not keep it from being removed."""
    with held(request) as prepared:
        return prepared


@contextmanager
def held(request: Request) -> Iterator[Prepared]:
    """Prepare a data set if necessary, downloading its source, and keep bench.clean from removing it.

    Raises:
        UserError: the source is missing and cannot be downloaded, or an image cannot be used.
        RunError: the disk is full, or the download failed. The next call resumes from what is finished.
    """
    source = datasets.find(request.name, request.root) or datasets.download(request.name, request.root)
    for note in source.notes:
        warn(note)
    conversions = None
    fingerprint = _known_fingerprint(request, source)
    if fingerprint is None:
        conversions = find_conversions(source, request.preprocessing)
        fingerprint = _fingerprint(request, source, conversions)
    prepared = Prepared(_folder(request, fingerprint))
    written = False  # by this call, which then need not verify it
    while True:  # once more, if another process removes the set before it is marked
        with in_use(prepared):
            if prepared.is_present() if written else prepared.check():  # no lock, because the folder may be read-only
                for note in notes(prepared.sidecar.conversions):
                    warn(note)
                _warn_of_skipped(prepared)
                yield prepared
                return
        _write(request, source, fingerprint, prepared, conversions)
        written = True


def _write(
    request: Request, source: Source, fingerprint: str, prepared: Prepared, conversions: Conversions | None
) -> None:
    """Prepare the set, unless another process has done so. conversions: None if they are not known yet."""
    folder = prepared.folder.parent
    require_writable(folder, "--prepared")
    make_folder(folder)
    with _lock(folder / ".lock"):
        if not prepared.check():  # another process may have prepared it meanwhile
            if prepared.folder.exists():
                warn(f"{prepared.folder} is damaged; preparing it again")
                shutil.rmtree(prepared.folder)
            conversions = conversions or find_conversions(source, request.preprocessing)
            write(request, source, fingerprint, prepared.folder, conversions)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the lock of a data set. If another process holds it, say so and wait."""
    lock = file_lock(path)
    with explain_write_errors(path):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(f"waiting for another process that prepares {path.parent.name}")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _warn_of_skipped(prepared: Prepared) -> None:
    if prepared.skipped:
        count, first = prepared.sidecar.left_out, next(iter(prepared.skipped.values()))
        listed = "all are" if count == len(prepared.skipped) else f"the first {len(prepared.skipped):,} are"
        where = f"{listed} listed in {prepared.folder}/sidecar.json"
        warn(f"{count} images are left out: {first}; {where}")


def _fingerprint(request: Request, source: Source, conversions: Conversions) -> str:
    """The sha256 of the source files' names and contents and of the preprocessing; not of paths, dates or decoders.

    Choices count only if there are any, so that sets without any keep the fingerprints of older versions.
    """
    chosen = [*source.choices, *choices(conversions)]
    content = [VERSION, request.preprocessing.model_dump(), source.content_hashes(), *chosen]
    return sha256(json.dumps(content).encode())


def _computed_fingerprint(request: Request, source: Source) -> str:
    return _fingerprint(request, source, find_conversions(source, request.preprocessing))


def _folder(request: Request, fingerprint: str) -> Path:
    return request.prepared / request.name / fingerprint[:16]


def _known_fingerprint(request: Request, source: Source) -> str | None:
    """The fingerprint from an earlier preparation of the same files (by name, size and date); avoids hashing them."""
    signature = source.signature()
    for path in (request.prepared / request.name).glob("*/sidecar.json"):
        sidecar = read_verified(path.parent)
        if sidecar is None or (sidecar.signature, sidecar.version) != (signature, VERSION):
            continue
        in_place = path.parent == _folder(request, sidecar.fingerprint)  # not a copy under another name
        if not in_place or sidecar.preprocessing != request.preprocessing:
            continue
        if not may_differ(sidecar, source) or sidecar.fingerprint == _computed_fingerprint(request, source):
            return sidecar.fingerprint
    return None
