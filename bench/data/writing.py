"""Writing a prepared data set: what is asked for, how it is split and shuffled, and the arrays on disk."""

import shutil
from pathlib import Path

import numpy as np

from bench.data.datasets import Request
from bench.data.image_files import Filling, ImageFile, compact, fill
from bench.data.progress_bar import track
from bench.data.sidecar import FILE, Sidecar, Split
from bench.data.sources import Part, Source
from bench.data.splits import load, split_parts
from bench.errors import RunError, UserError
from bench.experiment.settings import Preprocessing
from bench.io.disk import format_bytes
from bench.io.files import Folder, explain_write_errors, file_sha256, make_folder

VERSION = "uint8, centre crop, Pillow Lanczos, v2"


def write(request: Request, source: Source, fingerprint: str, target: Path) -> None:
    """Fill `.<fingerprint>.part`, which an interruption leaves to be gone on with, then move it into place."""
    partial = target.with_name(f".{target.name}.part")
    make_folder(partial)
    parts = split_parts(request.name, load(source))
    _check_space(request, parts, partial)
    splits: dict[str, Split] = {}
    skipped: dict[str, str] = {}
    with track(f"decoding {request.name}", sum(len(part.images) for part in parts.values())) as tell:
        fillings = {split: _filling(partial, split, part, request) for split, part in parts.items()}
        fill(list(fillings.values()), tell)
    for split, part in parts.items():
        splits[split], unusable = _finish(partial, split, part, request, fillings[split])
        skipped |= unusable
    sidecar = Sidecar(
        dataset=request.name,
        source=source.about,
        preprocessing=request.preprocessing,
        version=VERSION,
        fingerprint=fingerprint,
        signature=source.signature(),
        classes=source.classes,
        splits=splits,
        skipped=skipped,
    )
    Folder(partial).write(FILE, sidecar.to_json())
    for journal in partial.glob("*.journal"):
        journal.unlink()
    partial.rename(target)


def _filling(folder: Path, split: str, part: Part, request: Request) -> Filling:
    file = ImageFile(folder / f"{split}-images.npy", len(part.images), request.preprocessing)
    return Filling(file, part.images, request.skip_unreadable)


def _finish(folder: Path, split: str, part: Part, request: Request, filled: Filling) -> tuple[Split, dict[str, str]]:
    """Drop what was left out, and write labels; what the sidecar says of the split, and why what is left out is."""
    file = filled.file
    digests = [chunk.sha256 for chunk in filled.chunks]
    unusable = {row: why for chunk in filled.chunks for row, why in chunk.unusable.items()}
    skipped = {part.images.name(row): why for row, why in unusable.items()}
    if unusable:
        keep = np.array([row for row in range(file.rows) if row not in unusable], dtype=np.int64)
        if not len(keep):
            raise UserError(
                f"{request.name} has no usable image for {split}; the first: {next(iter(skipped.values()))}"
            )
        file, digests = compact(file, keep)
        part = part.take(keep)
    labels_sha256 = None
    if part.labels is not None:
        labels = folder / f"{split}-labels.npy"
        with explain_write_errors(labels):
            np.save(labels, part.labels.astype(np.int64))
        labels_sha256 = file_sha256(labels)
    return Split(images=file.rows, sha256=digests, labels_sha256=labels_sha256), skipped


def _check_space(request: Request, parts: dict[str, Part], folder: Path) -> None:
    present = sum(path.stat().st_blocks * 512 for path in folder.iterdir())
    needed = image_bytes(request.preprocessing, {s: len(p.images) for s, p in parts.items()}) - present
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise RunError(
            f"no space left to prepare {request.name} under {request.prepared}: {format_bytes(needed)} are needed and "
            f"{format_bytes(free)} free; make room, or choose another --prepared"
        )


def image_bytes(preprocessing: Preprocessing, counts: dict[str, int]) -> int:
    """What the prepared images take on disk."""
    return sum(counts.values()) * int(np.prod(preprocessing.shape))
