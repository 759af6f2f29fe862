"""Files that are whole or noticed: atomic writes, and folders that keep a checksum of everything in them.

Every file is handed over as bytes, written under a temporary name and moved into place, so a killed run never leaves
half a file. Its sha256 is noted under `.sha256/` *before* the move, beside that of the file it replaces: whenever a
writer is killed, what stands under the name is known to be whole, and damage is noticed.
"""

import errno
import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from bench.errors import RunError

CHECKSUMS = ".sha256"


class Damaged(RunError):
    """A file is not what was written."""

    def __init__(self, path: Path, noted: bool) -> None:
        changed = "is damaged (its sha256 has changed); remove it and run the same command again"
        alone = "has no checksum: the folder .sha256/ beside it must be copied along (cp -r)"
        super().__init__(f"{path} {changed if noted else alone}")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses into one line that names `path`."""
    try:
        yield
    except OSError as error:
        if isinstance(error, Timeout):  # a lock that is held, for the caller to explain
            raise
        room = "; make room and run this again" if error.errno == errno.ENOSPC else ""
        raise RunError(f"cannot write {path}: {error.strerror or error}{room}") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write under a temporary name beside `path`, then move: readers see the old bytes or the new, never a mixture."""
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    with writing(path):
        try:
            partial.write_bytes(data)
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def make_folder(path: Path) -> None:
    """Create a folder and its parents; RunError where something is in the way."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


class Folder:
    """A folder whose files are replaced atomically and checked when read."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def exists(self, name: str) -> bool:
        return (self.path / name).exists()

    def write(self, name: str, data: bytes) -> None:
        path = self.path / name
        present = self.read_whole(name)
        noted = [sha256(data), *([] if present is None else [sha256(present)])]
        write_atomically(self.path / CHECKSUMS / name, "\n".join(noted).encode())
        write_atomically(path, data)

    def read(self, name: str) -> bytes:
        """The bytes of `name`; Damaged where they have changed since they were written."""
        data = (self.path / name).read_bytes()
        noted = self.path / CHECKSUMS / name
        if not noted.exists() or sha256(data) not in noted.read_text().split():
            raise Damaged(self.path / name, noted.exists())
        return data

    def read_whole(self, name: str) -> bytes | None:
        """The bytes of `name`; None where it is missing, empty or damaged."""
        try:
            return (self.read(name) if self.exists(name) else b"") or None
        except Damaged:
            return None

    def whole(self, name: str) -> bool:
        """Whether `name` is there and undamaged."""
        return self.read_whole(name) is not None


def shown(path: Path) -> str:
    """Relative to the working directory, where that is shorter."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
