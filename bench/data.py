"""Data sets, prepared once into memory-mapped uint8 arrays.

A prepared set is a folder `<prepared>/<name>/<fingerprint>/` with `<split>-images.npy` (uint8, [n, c, h, w]) and, for
images with classes, `<split>-labels.npy` (int64, [n]) for train, validation and test, and `sidecar.json`. Each split is
in a fixed random order, so that its first N images are a fair sample of it.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from bench import datasets
from bench.arrays import ImageFile, compact, decode_seconds, fill
from bench.config import Preprocessing
from bench.disk import words
from bench.errors import RunError, UserError, reason
from bench.files import make_folder, sha256, write_atomically, writing
from bench.sources import Part, Source, file_sha256
from bench.track import Track, track

SPLITS = ("train", "validation", "test")
VERSION = "uint8, centre crop, Pillow Lanczos, v2"
HELD_OUT = 5000  # training images for validation, at most, where no validation split is published


@dataclass(frozen=True)
class Request:
    """A data set by name, where its files are, where prepared arrays are kept, and what is made of its images."""

    name: str
    root: Path
    preprocessing: Preprocessing
    prepared: Path
    skip_unreadable: bool = False


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
        return json.loads((self.folder / "sidecar.json").read_text())

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
    def counts(self) -> dict[str, int]:
        """Images in each split."""
        return {split: noted["images"] for split, noted in self.sidecar["splits"].items()}

    def images(self, split: str) -> np.ndarray:
        """uint8 [n, c, h, w], memory-mapped: processes on one machine share the pages."""
        return np.load(self.folder / f"{split}-images.npy", mmap_mode="c")

    def labels(self, split: str) -> np.ndarray:
        """int64 [n], from 0; only where there are classes."""
        return np.load(self.folder / f"{split}-labels.npy")

    def check(self) -> bool:
        """Whether the arrays are what was written."""
        sidecar = self.sidecar
        preprocessing = Preprocessing.model_validate(sidecar["preprocessing"])
        for split, noted in sidecar["splits"].items():
            images = ImageFile(self.folder / f"{split}-images.npy", noted["images"], preprocessing)
            labels = self.folder / f"{split}-labels.npy"
            if not images.whole(noted["sha256"]):
                return False
            if sidecar["classes"] and not (labels.exists() and file_sha256(labels) == noted["labels_sha256"]):
                return False
        return True


def locate(request: Request) -> Found | None:
    """What is at hand, without preparing or downloading anything."""
    source = datasets.find(request.name, request.root)
    if source is None:
        return None
    parts = _split(request.name, _load(source))
    counts = {split: len(part.images) for split, part in parts.items()}
    known = _known(request, source)
    seconds = 0.0 if known else decode_seconds(parts["train"].images, request.preprocessing) * sum(counts.values())
    return Found(known or _fingerprint(request, source), counts, bool(source.classes), known is not None, seconds)


def prepare(request: Request) -> Prepared:
    """The prepared data set; prepares it, downloading the source if need be, where that has not been done.

    Raises:
        UserError: the source is neither there nor to be downloaded, or an image cannot be used; it says what to do.
        RunError: no space left, or a failed download. What is done stays done.
    """
    source = datasets.find(request.name, request.root) or datasets.download(request.name, request.root)
    fingerprint = _known(request, source) or _fingerprint(request, source)
    folder = request.prepared / request.name
    prepared = Prepared(folder / fingerprint[:16])
    if not _ready(prepared):  # no lock where nothing is written: the folder may be read-only
        make_folder(folder)
        with _lock(folder / ".lock"):
            if not _ready(prepared):  # another process may have done it while this one waited
                if prepared.folder.exists():
                    print(f"warning: {prepared.folder} is damaged; preparing it again", file=sys.stderr)
                    shutil.rmtree(prepared.folder)
                _write(request, source, fingerprint, prepared.folder)
    _tell_skipped(prepared)
    return prepared


def _ready(prepared: Prepared) -> bool:
    return (prepared.folder / "sidecar.json").exists() and prepared.check()


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


def _write(request: Request, source: Source, fingerprint: str, target: Path) -> None:
    """Fill `.<fingerprint>.part`, which an interruption leaves to be gone on with, then move it into place."""
    partial = target.with_name(f".{target.name}.part")
    make_folder(partial)
    parts = _split(request.name, _load(source))
    _check_space(request, parts, partial)
    splits: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    with track(f"decoding {request.name}", sum(len(part.images) for part in parts.values())) as tell:
        for split, part in parts.items():
            splits[split], unusable = _write_split(partial, split, part, request, tell)
            skipped |= unusable
    sidecar = {
        "dataset": request.name,
        "source": source.about,
        "preprocessing": request.preprocessing.model_dump(),
        "version": VERSION,
        "fingerprint": fingerprint,
        "signature": source.signature(),
        "classes": source.classes,
        "splits": splits,
        "skipped": skipped,
    }
    write_atomically(partial / "sidecar.json", json.dumps(sidecar, indent=2).encode())
    for journal in partial.glob("*.journal"):
        journal.unlink()
    partial.rename(target)


def _write_split(
    folder: Path, split: str, part: Part, request: Request, tell: Track
) -> tuple[dict[str, Any], dict[str, str]]:
    """Write images and labels of one split; what the sidecar says of it, and the images left out with the reason."""
    file = ImageFile(folder / f"{split}-images.npy", len(part.images), request.preprocessing)
    chunks = fill(file, part.images, request.skip_unreadable, tell)
    digests = [chunk.sha256 for chunk in chunks]
    unusable = {row: why for chunk in chunks for row, why in chunk.unusable.items()}
    skipped = {part.images.name(row): why for row, why in unusable.items()}
    if unusable:
        keep = np.array([row for row in range(file.rows) if row not in unusable], dtype=np.int64)
        if not len(keep):
            raise UserError(
                f"{request.name} has no usable image for {split}; the first: {next(iter(skipped.values()))}"
            )
        file, digests = compact(file, keep)
        part = part.take(keep)
    noted: dict[str, Any] = {"images": file.rows, "sha256": digests}
    if part.labels is not None:
        labels = folder / f"{split}-labels.npy"
        with writing(labels):
            np.save(labels, part.labels.astype(np.int64))
        noted["labels_sha256"] = file_sha256(labels)
    return noted, skipped


def _check_space(request: Request, parts: dict[str, Part], folder: Path) -> None:
    present = sum(path.stat().st_blocks * 512 for path in folder.iterdir())
    needed = image_bytes(request.preprocessing, {s: len(p.images) for s, p in parts.items()}) - present
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise RunError(
            f"no space left to prepare {request.name} under {request.prepared}: {words(needed)} are needed and "
            f"{words(free)} free; make room, or choose another --prepared"
        )


def image_bytes(preprocessing: Preprocessing, counts: dict[str, int]) -> int:
    """What the prepared images take on disk."""
    return sum(counts.values()) * int(np.prod(preprocessing.shape))


def _tell_skipped(prepared: Prepared) -> None:
    skipped = prepared.sidecar["skipped"]
    if skipped:
        first = next(iter(skipped.values()))
        print(
            f"warning: {len(skipped)} images are left out: {first}; all are listed in {prepared.folder}/sidecar.json",
            file=sys.stderr,
        )


def _load(source: Source) -> dict[str, Part]:
    try:
        return source.load()
    except Exception as error:  # whatever torchvision and pickle make of a truncated file
        message = f"cannot read {source.about} in {source.root}: {reason(error)}; remove what is damaged there"
        raise UserError(message) from error


def _split(name: str, loaded: dict[str, Part]) -> dict[str, Part]:
    """Shuffle each part by a fixed permutation; cut what is missing off the end of what there is.

    RandomState, because numpy guarantees its stream for ever.
    """
    random = np.random.RandomState(0)
    parts = {}
    for split in sorted(loaded, reverse=True):  # validation, train, test: the order decides the permutations
        part = loaded[split]
        parts[split] = part.take(random.permutation(len(part.images)))
    if "all" in parts:  # one published part: cut it as its facts say
        train, validation, _ = datasets.DATASETS[name].images or (0, 0, 0)
        bounds = np.cumsum([train, validation])
        pieces = np.split(np.arange(len(parts["all"].images)), bounds)
        parts = {split: parts["all"].take(rows) for split, rows in zip(SPLITS, pieces, strict=True)}
    elif "validation" not in parts and "train" in parts:
        train = parts["train"]
        rows = np.arange(len(train.images))
        held_out = min(HELD_OUT, len(rows) // 10)
        cut = len(rows) - held_out
        parts |= {"train": train.take(rows[:cut]), "validation": train.take(rows[cut:])}
    empty = [split for split in SPLITS if split not in parts or not len(parts[split].images)]
    if empty:
        raise UserError(f"{name} has too few images: none is left for {empty[0]}; add images")
    return {split: parts[split] for split in SPLITS}


def _fingerprint(request: Request, source: Source) -> str:
    """sha256 of the source files' names and contents and of the preprocessing; not of paths, dates or decoders."""
    parts = [VERSION, request.preprocessing.model_dump(), source.contents()]
    return sha256(json.dumps(parts).encode())


def _known(request: Request, source: Source) -> str | None:
    """The fingerprint noted when these very files (by name, size and date) were prepared; saves hashing them."""
    signature = source.signature()
    for path in (request.prepared / request.name).glob("*/sidecar.json"):
        sidecar = json.loads(path.read_text())
        expected = (signature, request.preprocessing.model_dump(), VERSION)
        if (sidecar["signature"], sidecar["preprocessing"], sidecar.get("version")) == expected:
            return sidecar["fingerprint"]
    return None
