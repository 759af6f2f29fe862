"""Atomic writes, and folders whose files have checksums that detect corruption.

Every file is written under a temporary name and moved into place, so a killed run never leaves half a file. What counts
is flushed to the disk before it is moved, so a power failure does not either. Its sha256 is written to `.sha256/`
*before* the move, together with that of the file it replaces. So the file matches one of the two checksums, no matter
when its writer is killed. Any other content is damage.
"""

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

from filelock import Timeout

from bench.errors import RunError
from bench.io.limits import CHECKSUMS, max_bytes, too_large
from bench.io.object_store import Oversized, Remote


class Damaged(RunError):
    """A file differs from its checksum, or has none.

    Attributes:
        repairable: whether the program may restore the file or do without it.
    """

    def __init__(self, path: Path | Remote, has_checksum: bool) -> None:
        changed = "is damaged (its sha256 has changed); remove it and run the same command again"
        missing = "has no checksum; copy the folder .sha256/ beside it as well (cp -r)"
        super().__init__(f"{path} {changed if has_checksum else missing}")
        self.repairable = has_checksum


class TooLarge(Damaged):
    """A file is larger than anything that this project writes under its name; it is not read."""

    def __init__(self, path: Path | Remote, size: int, limit: int) -> None:
        RunError.__init__(self, f"{path} {too_large(size, limit)}; remove it")
        self.repairable = False


def sha256(data: bytes) -> str:
    """Return the sha256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file of any size in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def explain_write_errors(path: Path) -> Iterator[None]:
    """Turn an OSError into a RunError of one line that names `path`."""
    try:
        yield
    except OSError as error:
        if isinstance(error, Timeout):  # another process holds a lock; the caller explains it
            raise
        remedy = "; free some space and run the same command again" if error.errno == errno.ENOSPC else ""
        raise RunError(f"cannot write {path}: {error.strerror or error}{remedy}") from error


def flush(path: Path) -> None:
    """Write a file, or a folder's list of names, to the disk itself: a power failure loses what is only in memory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():  # some network file systems cannot flush folders
            raise
    finally:
        os.close(descriptor)


def rename_durably(folder: Path, target: Path) -> None:
    """Rename a folder after its files are on the disk, and wait until the new name is there too."""
    with explain_write_errors(target):
        for path in (*folder.rglob("*"), folder):
            flush(path)
        folder.rename(target)
        flush(target.parent)


def write_atomically(path: Path | Remote, data: bytes, durable: bool = False) -> None:
    """Write under a temporary name beside `path`, then move it. Readers see the old or the new bytes, never a mixture.

    Args:
        path: the file.
        data: its content.
        durable: flush the content before the move, and the new name after it. What can be made again need not be.

    Raises:
        RunError: the file cannot be written.
    """
    if isinstance(path, Remote):
        path.write_bytes(data)
        return
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    with explain_write_errors(path):
        try:
            partial.write_bytes(data)
            if durable:
                flush(partial)
            partial.replace(path)
            if durable:
                flush(path.parent)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def make_folder(path: Path) -> None:
    """Create a folder and its parents, unless they exist.

    Raises:
        RunError: the folder cannot be created.
    """
    with explain_write_errors(path):
        path.mkdir(parents=True, exist_ok=True)


def require_writable(path: Path, option: str) -> None:
    """Check, without writing, that a folder can be created at `path`, or that files can be created in it.

    Args:
        path: the folder.
        option: of the command line, which chooses another one.

    Raises:
        RunError: a file is in its place or in that of a parent, or the place is read-only.
    """
    nearest = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not nearest.is_dir():
        raise RunError(f"cannot write {path}: {nearest} is not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise RunError(f"cannot write {path}: {nearest} is read-only; choose another folder with {option}")


class Folder:
    """A folder, local or in an object store, whose files are replaced atomically and verified when they are read."""

    def __init__(self, place: Path | Remote) -> None:
        self.place = place

    @property
    def path(self) -> Path:
        """The local path. Not for folders in an object store."""
        assert isinstance(self.place, Path)
        return self.place

    @property
    def name(self) -> str:
        """The last part of the folder's path."""
        return self.place.name

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return (self.place / name).exists()

    def discard(self, name: str) -> None:
        """Remove a file, if it exists."""
        place = self.place / name
        place.remove() if isinstance(place, Remote) else place.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder with its content, if it exists."""
        if isinstance(self.place, Remote):
            self.place.remove()
        else:
            shutil.rmtree(self.place, ignore_errors=True)

    def write(self, name: str, data: bytes, present: bytes | None = None) -> None:
        """Write a file and its checksum atomically.

        Args:
            name: the name of the file.
            data: the new content.
            present: the result of `read_if_intact(name)`, if the caller has it already.

        Raises:
            RunError: the file cannot be written.
        """
        present = self.read_if_intact(name) if present is None else present
        checksums = [sha256(data), *([] if present is None else [sha256(present)])]
        durable = PurePath(name).suffix != ".png"  # pictures can be made again from a checkpoint
        write_atomically(self.place / CHECKSUMS / name, "\n".join(checksums).encode(), durable)
        write_atomically(self.place / name, data, durable)

    def write_bounded(self, name: str, data: bytes, present: bytes | None = None) -> None:
        """Write a file whose size depends on settings or methods, as `write` does.

        Raises:
            RunError: the file cannot be written, or is larger than what `read` accepts.
        """
        limit = max_bytes(PurePath(name))
        if len(data) > limit:
            raise RunError(f"cannot write {self.place / name}: it {too_large(len(data), limit)}")
        self.write(name, data, present)

    def read(self, name: str) -> bytes:
        """Read a file and verify its checksum.

        Raises:
            Damaged: it has changed since it was written, has no checksum, or is too large to be read.
            FileNotFoundError: there is no such file.
        """
        data = self._read_bounded(name)
        checksums = self._read_checksums(name)
        if checksums is None or sha256(data) not in checksums:
            raise Damaged(self.place / name, has_checksum=checksums is not None)
        return data

    def read_if_intact(self, name: str) -> bytes | None:
        """Read a file; None if it is missing, empty or damaged."""
        try:
            return self.read(name) or None
        except (Damaged, FileNotFoundError):
            return None

    def checksums(self, name: str) -> list[str]:
        """Return the sha256 of the content last written to `name`, then that of its previous content, if any."""
        return self._read_checksums(name) or []

    def _read_checksums(self, name: str) -> list[str] | None:
        try:
            return self._read_bounded(f"{CHECKSUMS}/{name}").decode(errors="replace").split()
        except FileNotFoundError:
            return None

    def _read_bounded(self, name: str) -> bytes:
        """Read a file if it is not too large."""
        path = self.place / name
        limit = max_bytes(PurePath(name))
        if isinstance(path, Remote):
            try:
                return path.read_bytes()
            except Oversized as error:
                raise TooLarge(path, error.size, limit) from None
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > limit:
                raise TooLarge(path, size, limit)
            return file.read(size + 1)  # not the whole file, if it is a device without end

    def is_intact(self, name: str) -> bool:
        """Whether a file exists and is not damaged."""
        return self.read_if_intact(name) is not None


def display_path(path: Path) -> str:
    """Return `path` for messages: relative to the working directory if it is inside it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
