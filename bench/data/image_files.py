"""Images of splits, each written into a memory-mapped .npy file: on all cores, resumable, with little memory.

Files are filled in chunks. A journal beside each notes the sha256 of every chunk that is whole, so that an interrupted
preparation goes on where it was, and what a power failure has lost is noticed.
"""

import json
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.data.decode import Images, Unusable
from bench.data.progress_bar import Track
from bench.data.workers import cores, pool_for
from bench.errors import RunError, UserError
from bench.experiment.settings import Preprocessing
from bench.io import untrusted
from bench.io.files import explain_write_errors, sha256

CHUNK_BYTES = 8 * 2**20  # what one worker holds in memory


@dataclass(frozen=True)
class Chunk:
    """What stands in a part of the file: its sha256, and the images (by row) that were left out, with the reason."""

    sha256: str
    unusable: dict[int, str]


@dataclass(frozen=True)
class ImageFile:
    """A .npy file of `rows` images uint8 [channels, side, side]."""

    path: Path
    rows: int
    preprocessing: Preprocessing

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return self.rows, *self.preprocessing.shape

    @property
    def image_bytes(self) -> int:
        return int(np.prod(self.preprocessing.shape))

    @property
    def chunks(self) -> list[range]:
        """The rows of every chunk."""
        step = max(1, CHUNK_BYTES // self.image_bytes)
        return [range(start, min(start + step, self.rows)) for start in range(0, self.rows, step)]

    def create(self) -> None:
        """An empty file of the right size."""
        np.lib.format.open_memmap(self.path, "w+", np.uint8, self.shape).flush()

    def write(self, start: int, pixels: np.ndarray) -> str:
        """Write images from row `start` on; returns their sha256.

        By seeking, not mapping: a full disk is then an error, not SIGBUS.
        """
        data = np.ascontiguousarray(pixels).tobytes()
        with self.path.open("r+b") as file:
            file.seek(self._offset() + start * self.image_bytes)
            file.write(data)
        return sha256(data)

    def digest(self, rows: range) -> str:
        """The sha256 of what stands in these rows."""
        with self.path.open("rb") as file:
            file.seek(self._offset() + rows.start * self.image_bytes)
            return sha256(file.read(len(rows) * self.image_bytes))

    def fits(self) -> bool:
        """Whether there is a file of this type and size."""
        return is_array(self.path, self.shape, np.uint8)

    def is_intact(self, digests: list[str]) -> bool:
        """Whether the file is what was written."""
        if not self.fits() or len(digests) != len(self.chunks):
            return False
        with ThreadPoolExecutor() as pool:
            return all(a == b for a, b in zip(pool.map(self.digest, self.chunks), digests, strict=True))

    def _offset(self) -> int:
        return self.path.stat().st_size - self.rows * self.image_bytes


def is_array(path: Path, shape: tuple[int, ...], kind: type[np.generic]) -> bool:
    """Whether a .npy file, which nothing is read of but its header, holds an array of this shape and type."""
    try:
        mapped = np.lib.format.open_memmap(path, mode="r") if path.is_file() else None  # which takes no pickles
    except (OSError, ValueError, EOFError, OverflowError):
        return False
    return mapped is not None and mapped.shape == shape and mapped.dtype == kind


class Filling:
    """A file that is being filled with images, and what its journal says is done.

    skip: leave out (and note) images that cannot be used, instead of raising UserError.
    """

    def __init__(self, file: ImageFile, images: Images, skip: bool) -> None:
        self.file, self.images, self.skip = file, images, skip
        self.journal = file.path.with_suffix(".journal")
        self.done = _resume(file, self.journal, skip)

    @property
    def todo(self) -> list[int]:
        """Numbers of the chunks that are missing."""
        return [chunk for chunk in range(len(self.file.chunks)) if chunk not in self.done]

    @property
    def chunks(self) -> list[Chunk]:
        """All of them, in order, once they are done."""
        return [self.done[chunk] for chunk in range(len(self.file.chunks))]

    def submit(self, chunk: int, pool: Executor) -> Future[Chunk]:
        rows = self.file.chunks[chunk]
        return pool.submit(_decode, self.file, rows, self.images.take(np.asarray(rows)), self.skip)

    def note(self, chunk: int, found: Chunk) -> None:
        self.done[chunk] = found
        with self.journal.open("a") as notes:
            notes.write(json.dumps([chunk, found.sha256, found.unusable]) + "\n")


def fill(fillings: list[Filling], tell: Track) -> None:
    """Decode all images into their files, on all cores until the last chunk of the last file.

    Raises:
        UserError: an image cannot be used. RunError: no space left. What is done stays done.
    """
    tell(sum(len(filling.file.chunks[chunk]) for filling in fillings for chunk in filling.done))
    todo = [(filling, chunk) for filling in fillings for chunk in filling.todo]
    few = all(len(filling.todo) < 2 for filling in fillings)  # starting processes would take longer
    with pool_for(1 if few else len(todo), all(filling.images.in_memory for filling in fillings)) as pool:
        file, running = fillings[0].file, []
        try:
            running = [(filling, chunk, filling.submit(chunk, pool)) for filling, chunk in todo]
            for filling, chunk, future in running:  # in this order, so that of several errors always the same is told
                file = filling.file
                filling.note(chunk, future.result())
                tell(len(file.chunks[chunk]))
        except BaseException as error:
            for filling, chunk, future in running:
                if _ended_well(future) and chunk not in filling.done:
                    filling.note(chunk, future.result())
            _explain(error, file.path)
            raise


def _ended_well(future: Future[Chunk]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _explain(error: BaseException, path: Path) -> None:
    if isinstance(error, Unusable):
        raise UserError(f"{error}; or leave such images out with --skip-unreadable") from None
    if isinstance(error, BrokenExecutor):
        raise RunError("a process that decodes images has died, perhaps for want of memory; run this again") from None
    if isinstance(error, OSError):
        with explain_write_errors(path):
            raise error


def _resume(file: ImageFile, journal: Path, skip: bool) -> dict[int, Chunk]:
    """The chunks that are whole already; begins the file where there are none."""
    done = {}
    if journal.exists() and file.fits():
        notes = untrusted.read_bounded(journal, untrusted.MAX_LIST_BYTES).decode(errors="replace")
        for line in notes.splitlines(keepends=True):
            if line.endswith("\n"):  # the last one may have been cut
                with suppress(ValueError, LookupError, TypeError, AttributeError, RecursionError):  # not our line
                    chunk, digest, unusable = json.loads(line)
                    if (skip or not unusable) and file.digest(file.chunks[chunk]) == digest:
                        done[chunk] = Chunk(digest, {int(row): str(why) for row, why in unusable.items()})
    if not done:
        journal.unlink(missing_ok=True)
        file.create()
    return done


def _decode(file: ImageFile, rows: range, images: Images, skip: bool) -> Chunk:
    """Decode and write one chunk; runs in a worker. `images` are those of the chunk alone."""
    pixels = np.zeros((len(rows), *file.preprocessing.shape), np.uint8)
    unusable = {}
    for i, row in enumerate(rows):
        try:
            pixels[i] = images.decode(i, file.preprocessing)
        except Unusable as error:
            if not skip:
                raise
            unusable[row] = str(error)
    return Chunk(file.write(rows.start, pixels), unusable)


def compact(file: ImageFile, keep: np.ndarray) -> tuple[ImageFile, list[str]]:
    """Replace the file by one of the rows `keep` alone; returns it and the sha256 of its chunks."""
    old = np.lib.format.open_memmap(file.path, mode="r")
    smaller = ImageFile(file.path.with_suffix(".kept"), len(keep), file.preprocessing)
    smaller.create()
    digests = [smaller.write(rows.start, old[keep[rows.start : rows.stop]]) for rows in smaller.chunks]
    smaller.path.replace(file.path)
    return ImageFile(file.path, len(keep), file.preprocessing), digests


def decode_seconds(images: Images, preprocessing: Preprocessing, tried: int = 50) -> float:
    """Seconds for each image that `fill` takes, from a few of them; images that cannot be used count as fast."""
    tried = min(tried, len(images))
    started = time.perf_counter()
    for row in range(tried):
        with suppress(Unusable):
            images.decode(row, preprocessing)
    workers = 1 if images.in_memory else cores()
    return (time.perf_counter() - started) / max(tried, 1) / workers
