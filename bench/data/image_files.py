"""Memory-mapped .npy files of images, written and verified in chunks."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.experiment.settings import Preprocessing
from bench.io.files import sha256

CHUNK_BYTES = 8 * 2**20  # of a chunk of images; each worker holds one chunk in memory
MAX_VERIFIED_BYTES = 2**28  # that are verified at once
MOST_THREADS = 32
SPARSEST = 256


@dataclass(frozen=True)
class ImageFile:
    """A .npy file of `rows` images, uint8 [channels, side, side]."""

    path: Path
    rows: int
    preprocessing: Preprocessing

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Images, channels, height, width."""
        return self.rows, *self.preprocessing.shape

    @property
    def image_bytes(self) -> int:
        """Bytes of one image."""
        return int(np.prod(self.preprocessing.shape))

    @property
    def chunks(self) -> list[range]:
        """The rows of every chunk."""
        step = max(1, CHUNK_BYTES // self.image_bytes)
        return [range(start, min(start + step, self.rows)) for start in range(0, self.rows, step)]

    def create(self) -> None:
        """Create an empty file of the full size."""
        np.lib.format.open_memmap(self.path, "w+", np.uint8, self.shape).flush()

    def write(self, start: int, pixels: np.ndarray) -> str:
        """Write images from row `start` on, and return their sha256.

        Writes to the file instead of mapping it: a full disk then raises an error, not SIGBUS.
        """
        data = np.ascontiguousarray(pixels).tobytes()
        with self.path.open("r+b") as file:
            file.seek(self._offset() + start * self.image_bytes)
            file.write(data)
        return sha256(data)

    def digest(self, rows: range) -> str:
        """Return the sha256 of these rows."""
        with self.path.open("rb") as file:
            file.seek(self._offset() + rows.start * self.image_bytes)
            return sha256(file.read(len(rows) * self.image_bytes))

    def has_right_size(self) -> bool:
        """Whether the file exists, with the right type and shape."""
        return is_array(self.path, self.shape, np.uint8)

    def is_intact(self, digests: list[str]) -> bool:
        """Whether the file is complete and every chunk has the expected sha256."""
        if not self.has_right_size() or self._is_sparse() or len(digests) != len(self.chunks):
            return False
        at_once = max(1, MAX_VERIFIED_BYTES // max(CHUNK_BYTES, self.image_bytes))
        with ThreadPoolExecutor(min(MOST_THREADS, at_once)) as pool:
            return all(a == b for a, b in zip(pool.map(self.digest, self.chunks), digests, strict=True))

    def _is_sparse(self) -> bool:
        """Whether the file is large, but nearly nothing of it is on the disk: it would take hours to verify.

        A preparation writes every byte. File systems that compress may keep less, but not SPARSEST times less.
        """
        status = self.path.stat()
        on_disk = status.st_blocks * 512  # 0 on some network file systems, which do not say
        return status.st_size > MAX_VERIFIED_BYTES and 0 < on_disk < status.st_size // SPARSEST

    def _offset(self) -> int:
        return self.path.stat().st_size - self.rows * self.image_bytes


def is_array(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> bool:
    """Whether a .npy file holds an array of this shape and type. Reads only its header."""
    try:
        array = np.lib.format.open_memmap(path, mode="r") if path.is_file() else None  # refuses pickles
    except (OSError, ValueError, EOFError, OverflowError):
        return False
    return array is not None and array.shape == shape and array.dtype == dtype


def keep_rows(file: ImageFile, rows: np.ndarray) -> tuple[ImageFile, list[str]]:
    """Replace a file by one that holds only some of its rows.

    Returns:
        The smaller file and the sha256 of its chunks.
    """
    images = np.lib.format.open_memmap(file.path, mode="r")
    smaller = ImageFile(file.path.with_suffix(".kept"), len(rows), file.preprocessing)
    smaller.create()
    digests = [smaller.write(chunk.start, images[rows[chunk.start : chunk.stop]]) for chunk in smaller.chunks]
    smaller.path.replace(file.path)
    return ImageFile(file.path, len(rows), file.preprocessing), digests
