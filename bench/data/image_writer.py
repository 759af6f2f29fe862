"""Decodes images into `ImageFile`s: on all cores, resumable, in little memory.

Files are written in chunks. A journal beside each file records the sha256 of every finished chunk. An interrupted
preparation resumes from it, and chunks that a power failure lost are detected.
"""

import json
import time
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.data.decode import Images, UnusableImage
from bench.data.image_files import ImageFile
from bench.data.progress_bar import ProgressTracker
from bench.data.workers import decoders, worker_pool
from bench.errors import RunError, UserError
from bench.experiment.settings import Preprocessing
from bench.io import limits, untrusted
from bench.io.files import explain_write_errors


@dataclass(frozen=True)
class Chunk:
    """A finished chunk: its sha256, and the row of every image that was left out -> the reason."""

    sha256: str
    unusable: dict[int, str]


class ImageWriter:
    """Writes images into a file, and keeps its journal. Resumes from the journal, if there is one.

    Args:
        skip_unusable: leave out and record images that cannot be used, instead of raising UserError.
    """

    def __init__(self, file: ImageFile, images: Images, skip_unusable: bool) -> None:
        self.file, self.images, self.skip_unusable = file, images, skip_unusable
        self.journal = file.path.with_suffix(".journal")
        self.done = _resume(file, self.journal, skip_unusable)

    @property
    def todo(self) -> list[int]:
        """Numbers of the chunks that are missing."""
        return [number for number in range(len(self.file.chunks)) if number not in self.done]

    @property
    def chunks(self) -> list[Chunk]:
        """All chunks in order, once they are done."""
        return [self.done[number] for number in range(len(self.file.chunks))]

    def submit(self, number: int, pool: Executor) -> Future[Chunk]:
        """Start to decode and write a chunk."""
        rows = self.file.chunks[number]
        return pool.submit(_write_chunk, self.file, rows, self.images.take(np.asarray(rows)), self.skip_unusable)

    def record(self, number: int, chunk: Chunk) -> None:
        """Add a finished chunk to the journal."""
        self.done[number] = chunk
        with self.journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps([number, chunk.sha256, chunk.unusable]) + "\n")


def write_images(writers: list[ImageWriter], advance: ProgressTracker) -> None:
    """Decode all images into their files, on all cores until the last chunk of the last file.

    Raises:
        UserError: an image cannot be used.
        RunError: the disk is full. Finished chunks stay in the journals.
    """
    advance(sum(len(writer.file.chunks[number]) for writer in writers for number in writer.done))
    todo = [(writer, number) for writer in writers for number in writer.todo]
    one_each = all(len(writer.todo) < 2 for writer in writers)  # starting processes would take longer than decoding
    with worker_pool(1 if one_each else len(todo), all(writer.images.in_memory for writer in writers)) as pool:
        file, running = writers[0].file, []
        try:
            running = [(writer, number, writer.submit(number, pool)) for writer, number in todo]
            for writer, number, future in running:  # in order, so that the error reported is always the first one
                file = writer.file
                writer.record(number, future.result())
                advance(len(file.chunks[number]))
        except BaseException as error:
            for writer, number, future in running:
                if _succeeded(future) and number not in writer.done:
                    writer.record(number, future.result())
            _raise_explained(error, file.path)
            raise


def _succeeded(future: Future[Chunk]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _raise_explained(error: BaseException, path: Path) -> None:
    """Raise an error that says what to do; return if `error` is of another kind."""
    if isinstance(error, UnusableImage):
        raise UserError(f"{error}; or leave such images out with --skip-unreadable") from None
    if isinstance(error, BrokenExecutor):
        message = "a process that decodes images died, perhaps because memory ran out; run the same command again"
        raise RunError(message) from None
    if isinstance(error, OSError):
        with explain_write_errors(path):
            raise error


def _resume(file: ImageFile, journal: Path, skip_unusable: bool) -> dict[int, Chunk]:
    """Return the finished chunks by number. Creates the file if there are none."""
    done = {}
    if journal.exists() and file.has_right_size():
        text = untrusted.read_bounded(journal, limits.MAX_LIST_BYTES).decode(errors="replace")
        for line in text.splitlines(keepends=True):
            if line.endswith("\n"):  # the last line may be incomplete
                with suppress(ValueError, LookupError, TypeError, AttributeError, RecursionError):  # a malformed line
                    number, digest, unusable = json.loads(line)
                    if (skip_unusable or not unusable) and file.digest(file.chunks[number]) == digest:
                        done[number] = Chunk(digest, {int(row): str(problem) for row, problem in unusable.items()})
    if not done:
        journal.unlink(missing_ok=True)
        file.create()
    return done


def _write_chunk(file: ImageFile, rows: range, images: Images, skip_unusable: bool) -> Chunk:
    """Decode and write one chunk, in a worker. `images` are those of the chunk alone."""
    pixels = np.zeros((len(rows), *file.preprocessing.shape), np.uint8)
    unusable = {}
    for i, row in enumerate(rows):
        try:
            pixels[i] = images.decode(i, file.preprocessing)
        except UnusableImage as error:
            if not skip_unusable:
                raise
            unusable[row] = str(error)
    return Chunk(file.write(rows.start, pixels), unusable)


def decode_seconds(images: Images, preprocessing: Preprocessing, sample: int = 50) -> float:
    """Estimate the seconds per image that `write_images` takes, from the first `sample` images."""
    sample = min(sample, len(images))
    start = time.perf_counter()
    for row in range(sample):
        with suppress(UnusableImage):
            images.decode(row, preprocessing)
    workers = 1 if images.in_memory else decoders()
    return (time.perf_counter() - start) / max(sample, 1) / workers
