"""Writes a prepared data set: the images and labels of each split, and the sidecar."""

import itertools
import shutil
from pathlib import Path

import numpy as np

from bench.data.constant_errors import constant_errors
from bench.data.conversions import with_arrays
from bench.data.datasets import Request
from bench.data.image_files import ImageFile, keep_rows
from bench.data.image_writer import ImageWriter, write_images
from bench.data.prepared import image_bytes
from bench.data.progress_bar import track
from bench.data.sidecar import FILE, MAX_BYTES, MOST_CLASSES, MOST_LISTED, Conversions, Sidecar, Split
from bench.data.sources import Source, SourceSplit
from bench.data.splits import make_splits
from bench.errors import RunError, UserError
from bench.io import schema, untrusted
from bench.io.disk import format_bytes
from bench.io.files import Folder, explain_write_errors, file_sha256, make_folder, rename_durably
from bench.io.untrusted import Malformed

VERSION = "uint8, centre crop, Pillow Lanczos, v2"


def write(request: Request, source: Source, fingerprint: str, target: Path, conversions: Conversions) -> None:
    """Write to `.<fingerprint>.part`, which an interrupted preparation resumes from, then move it to `target`.

    Args:
        request: what to prepare.
        source: of the images.
        fingerprint: of the set.
        target: the folder of the set.
        conversions: of the source's files.

    Raises:
        UserError: an image cannot be used, or a split has none.
        RunError: the disk is full.
        Malformed: a link in the unfinished folder leads out of it; writing would change its target.
    """
    partial = target.with_name(f".{target.name}.part")
    if partial.is_symlink():
        raise Malformed(partial, "is a link; remove it")
    make_folder(partial)
    untrusted.refuse_unsafe_tree(partial)
    source_splits = make_splits(request.name, source.load())
    _check_size(request, source, source_splits)
    _check_space(request, source_splits, partial)
    splits: dict[str, Split] = {}
    skipped: dict[str, str] = {}
    with track(f"decoding {request.name}", sum(len(split.images) for split in source_splits.values())) as advance:
        writers = {name: _writer(partial, name, split, request) for name, split in source_splits.items()}
        write_images(list(writers.values()), advance)
    for name, split in source_splits.items():
        splits[name], skipped_images = _finish(partial, name, split, request, writers[name])
        skipped |= skipped_images
    sidecar = Sidecar(
        dataset=request.name,
        source=source.about,
        preprocessing=request.preprocessing,
        version=VERSION,
        fingerprint=fingerprint,
        signature=source.signature(),
        classes=source.classes,
        splits=splits,
        skipped=dict(itertools.islice(skipped.items(), MOST_LISTED)),
        skipped_images=len(skipped),
        constant_errors=constant_errors(np.load(partial / "train-images.npy", mmap_mode="r")),
        conversions=with_arrays(conversions, source_splits, request.preprocessing),
    )
    schema.write(Folder(partial), FILE, sidecar)
    for journal in partial.glob("*.journal"):
        journal.unlink()
    rename_durably(partial, target)


def _writer(folder: Path, name: str, split: SourceSplit, request: Request) -> ImageWriter:
    file = ImageFile(folder / f"{name}-images.npy", len(split.images), request.preprocessing)
    return ImageWriter(file, split.images, request.skip_unreadable)


def _finish(
    folder: Path, name: str, split: SourceSplit, request: Request, writer: ImageWriter
) -> tuple[Split, dict[str, str]]:
    """Remove the rows of unusable images, and write the labels.

    Returns:
        The sidecar's entry of the split, and the unusable images -> the reason.
    """
    file = writer.file
    digests = [chunk.sha256 for chunk in writer.chunks]
    unusable = {row: problem for chunk in writer.chunks for row, problem in chunk.unusable.items()}
    skipped = {split.images.name(row): problem for row, problem in unusable.items()}
    if unusable:
        keep = np.array([row for row in range(file.rows) if row not in unusable], dtype=np.int64)
        if not len(keep):
            first = next(iter(skipped.values()))
            raise UserError(f"{request.name} has no usable images for {name}; the first problem: {first}")
        file, digests = keep_rows(file, keep)
        split = split.take(keep)
    labels_sha256 = None
    if split.labels is not None:
        labels = folder / f"{name}-labels.npy"
        with explain_write_errors(labels):
            np.save(labels, split.labels.astype(np.int64))
        labels_sha256 = file_sha256(labels)
    return Split(images=file.rows, sha256=digests, labels_sha256=labels_sha256), skipped


def _check_size(request: Request, source: Source, splits: dict[str, SourceSplit]) -> None:
    """Refuse what the sidecar cannot describe.

    Raises:
        UserError: there are too many classes, or too many images of this size.
    """
    if len(source.classes) > MOST_CLASSES:
        advice = "make fewer class folders, or put all images into one folder"
        raise UserError(f"{request.name} has {len(source.classes):,} classes, more than {MOST_CLASSES:,}; {advice}")
    needed = image_bytes(request.preprocessing, {name: len(split.images) for name, split in splits.items()})
    if needed > MAX_BYTES:
        size = f"{format_bytes(needed)}, more than {format_bytes(MAX_BYTES)}"
        raise UserError(f"the images of {request.name} take {size}; use fewer of them, or a smaller --image-size")


def _check_space(request: Request, splits: dict[str, SourceSplit], folder: Path) -> None:
    present = sum(path.stat().st_blocks * 512 for path in folder.iterdir())
    needed = image_bytes(request.preprocessing, {name: len(split.images) for name, split in splits.items()}) - present
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise RunError(
            f"not enough disk space to prepare {request.name} under {request.prepared}: {format_bytes(needed)} needed, "
            f"{format_bytes(free)} free; free some space, or choose another --prepared"
        )
