"""Files that are whole or noticed: atomic writes, and folders that keep a checksum of everything in them.

Every file is handed over as bytes, written under a temporary name and moved into place, so a killed run never leaves
half a file. Its sha256 is noted under `.sha256/` *before* the move, beside that of the file it replaces: whenever a
writer is killed, what stands under the name is known to be whole, and damage is noticed.
"""

import errno
import hashlib
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from bench.errors import RunError
from bench.io.object_store import Remote

CHECKSUMS = ".sha256"


class Damaged(RunError):
    """A file is not what was written."""

    def __init__(self, path: Path | Remote, noted: bool) -> None:
        changed = "is damaged (its sha256 has changed); remove it and run the same command again"
        alone = "has no checksum: the folder .sha256/ beside it must be copied along (cp -r)"
        super().__init__(f"{path} {changed if noted else alone}")
        self.repairable = noted


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """The sha256 of a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def explain_write_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses into one line that names `path`."""
    try:
        yield
    except OSError as error:
        if isinstance(error, Timeout):  # a lock that is held, for the caller to explain
            raise
        room = "; make room and run this again" if error.errno == errno.ENOSPC else ""
        raise RunError(f"cannot write {path}: {error.strerror or error}{room}") from error


def write_atomically(path: Path | Remote, data: bytes) -> None:
    """Write under a temporary name beside `path`, then move: readers see the old bytes or the new, never a mixture."""
    if isinstance(path, Remote):
        path.write_bytes(data)
        return
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    with explain_write_errors(path):
        try:
            partial.write_bytes(data)
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def make_folder(path: Path) -> None:
    """Create a folder and its parents; RunError where something is in the way."""
    with explain_write_errors(path):
        path.mkdir(parents=True, exist_ok=True)


class Folder:
    """A folder, here or in an object store, whose files are replaced atomically and checked when read."""

    def __init__(self, place: Path | Remote) -> None:
        self.place = place

    @property
    def path(self) -> Path:
        """Of a folder that is not in an object store."""
        assert isinstance(self.place, Path)
        return self.place

    @property
    def name(self) -> str:
        return self.place.name

    def exists(self, name: str) -> bool:
        return (self.place / name).exists()

    def discard(self, name: str) -> None:
        """Remove a file; nothing where it is not there."""
        place = self.place / name
        place.remove() if isinstance(place, Remote) else place.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove it with all that is in it; nothing where it is not there."""
        if isinstance(self.place, Remote):
            self.place.remove()
        else:
            shutil.rmtree(self.place, ignore_errors=True)

    def write(self, name: str, data: bytes, present: bytes | None = None) -> None:
        """Put the file there. present: what `read_if_intact` says of it, where that was asked already."""
        present = self.read_if_intact(name) if present is None else present
        noted = [sha256(data), *([] if present is None else [sha256(present)])]
        write_atomically(self.place / CHECKSUMS / name, "\n".join(noted).encode())
        write_atomically(self.place / name, data)

    def read(self, name: str) -> bytes:
        """The bytes of `name`; Damaged where they have changed since they were written."""
        data = (self.place / name).read_bytes()
        noted = self._note(name)
        if noted is None or sha256(data) not in noted:
            raise Damaged(self.place / name, noted=noted is not None)
        return data

    def read_if_intact(self, name: str) -> bytes | None:
        """The bytes of `name`; None where it is missing, empty or damaged."""
        try:
            return self.read(name) or None
        except (Damaged, FileNotFoundError):
            return None

    def checksums(self, name: str) -> list[str]:
        """The sha256 of what was last written under `name`, then perhaps that of what was there before."""
        return self._note(name) or []

    def _note(self, name: str) -> list[str] | None:
        """What the checksum file of `name` lists; None where there is none."""
        try:
            return (self.place / CHECKSUMS / name).read_bytes().decode(errors="replace").split()
        except FileNotFoundError:
            return None

    def is_intact(self, name: str) -> bool:
        """Whether `name` is there and undamaged."""
        return self.read_if_intact(name) is not None


def display_path(path: Path) -> str:
    """Relative to the working directory, where that is shorter."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
