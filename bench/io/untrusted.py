"""Untrusted files: read without running code, without following links, and with bounded memory.

Checksums prove that a file has not changed, not who wrote it. Files that expand (archives, tables, images) are measured
before they are read, and every problem is reported in one line.
"""

import io
import json
import os
import stat
from pathlib import Path
from typing import Any

from bench.errors import RunError, UserError, one_line, reason
from bench.io.files import Damaged
from bench.io.limits import CHECKSUMS, MAX_DOCUMENT_BYTES, max_bytes, too_large

MAX_PIXELS = 2**26  # of a grid of images
LOGGER_FOLDERS = ("mlflow", "tensorboard", "wandb")
MAX_ENTRIES = 10_000_000  # files and folders of an experiment


class Malformed(Damaged):
    """A file that this project did not write, or a folder that is unsafe to read, whatever its checksums."""

    def __init__(self, path: object, problem: str) -> None:
        RunError.__init__(self, one_line(f"{path} {problem}"))
        self.repairable = False


def refuse_unsafe_tree(folder: Path) -> None:
    """Refuse a folder with links that lead out of it, special files, or files that are too large or too many.

    The folder itself may be a link.

    Raises:
        Malformed: it names the first such file and says what to do.
    """
    root = Path(os.path.realpath(folder))
    entries = 0
    for parent, folders, files in os.walk(root):
        entries += len(folders) + len(files)
        if entries > MAX_ENTRIES:
            raise Malformed(
                folder, f"holds more than {MAX_ENTRIES:,} files, too many for an experiment; is it the right folder?"
            )
        for name in (*folders, *files):
            _refuse_unsafe_entry(Path(parent, name), root)
        if Path(parent) == root:  # loggers' folders are never read, and may contain links
            folders[:] = [name for name in folders if name not in LOGGER_FOLDERS]


def is_safe_name(name: str) -> bool:
    """Whether a relative path, which may come from a stranger, names a file that may be copied or removed.

    It stays inside the folder that it is joined to, and no part of it begins with a dot, except the folders of
    checksums. Names with a dot (an index, locks, leases, temporary files, settings of other programs) belong to the
    place where they are.
    """
    *folders, last = name.split("/")
    if not name.isprintable() or "\\" in name or last.endswith((".lock", ".part")):
        return False
    return all(part == CHECKSUMS or _is_visible(part) for part in folders) and _is_visible(last)


def _is_visible(part: str) -> bool:
    return part != "" and not part.startswith(".")


def inside(folder: Path, name: str) -> Path:
    """Return the path of a safe name in a folder.

    Raises:
        Malformed: the name is not safe, or a link on the way leads out of the folder.
    """
    path = folder / name
    if not is_safe_name(name) or not Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(folder)):
        raise Malformed(path, f"is not inside {folder.name}/; remove it")
    return path


def _refuse_unsafe_entry(path: Path, root: Path) -> None:
    try:
        status = path.lstat()
    except FileNotFoundError:  # a temporary file that has been moved meanwhile
        return
    if stat.S_ISLNK(status.st_mode):
        target = Path(os.path.realpath(path))
        if not target.is_relative_to(root):
            raise Malformed(path, f"is a link that leads out of {root.name}/; replace it by a copy of its target")
        return  # its target is checked on its own
    if not path.name.isprintable():
        raise Malformed(path, "has control characters in its name; remove it")
    if stat.S_ISDIR(status.st_mode):
        return
    if not stat.S_ISREG(status.st_mode):
        raise Malformed(path, "is neither a file nor a folder; remove it")
    limit = max_bytes(path)
    if status.st_size > limit and path.suffix != ".npy":
        raise Malformed(path, f"{too_large(status.st_size, limit)}; remove it")


def read_bounded(path: Path, max_bytes: int = MAX_DOCUMENT_BYTES) -> bytes:
    """Read a file that a user named, which may be an endless device.

    Raises:
        UserError: it has more than `max_bytes`.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise UserError(f"{path} has more than {max_bytes:,} bytes; is it the right file?")
    return data


def parse_json(data: bytes, origin: object, max_bytes: int = MAX_DOCUMENT_BYTES) -> Any:
    """Parse JSON.

    Raises:
        Malformed: it has more than `max_bytes`, is nested too deeply, or is invalid; the message names `origin`.
    """
    if len(data) > max_bytes:
        raise Malformed(origin, f"{too_large(len(data), max_bytes)}; remove it")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:  # ValueError: also for invalid UTF-8 and huge numbers
        raise Malformed(origin, f"is not valid JSON ({reason(error)[:80]}); remove it") from None


def is_valid_png(data: bytes) -> bool:
    """Whether `data` is a complete PNG, small enough to be opened safely."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.width * image.height > MAX_PIXELS:
                return False
            image.load()
    except Exception:  # Pillow raises a dozen types for damaged files
        return False
    return True
