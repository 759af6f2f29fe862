"""Which folders are prepared data sets, and their removal while no process uses them."""

import os
import re
import shutil
from collections.abc import Container, Iterator
from pathlib import Path

from bench.data import sidecar
from bench.data.prepared import IN_USE
from bench.io.files import CHECKSUMS
from bench.io.locks import Timeout, file_lock

SET = re.compile(r"[0-9a-f]{16}")
UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.(part|removed)")  # an interrupted preparation or removal
ARRAY = re.compile(r"(?P<split>train|validation|test)-(images|labels)\.(npy|kept|journal)")
# Files beside the arrays, with temporary files and locks.
OTHERS = re.compile(
    rf"({re.escape(CHECKSUMS)}/)?(sidecar\.json|\.sidecar\.json\.[0-9a-f]{{8}}\.part)"
    rf"|{re.escape(IN_USE)}/[0-9a-f]{{32}}\.lock"
    rf"|features/({re.escape(CHECKSUMS)}/)?\.?[\w.-]+\.(json|npz|pt|lock|part)|features/\.lock"
)


def prepared_sets(root: Path) -> Iterator[Path]:
    """Yield the folders in `root` that a preparation wrote, and nothing else. Links are not followed, except `root`.

    A folder is such a set if its verified sidecar names the data set and the folder, and every file is one that the
    sidecar names or that is kept beside them. An unfinished one has no sidecar yet; its name and the names of all its
    files must be those of a preparation.
    """
    for dataset in sorted(root.iterdir()) if root.is_dir() else []:
        if dataset.is_dir() and not dataset.is_symlink():
            yield from (path for path in sorted(dataset.iterdir()) if is_prepared_set(path))


def is_prepared_set(path: Path) -> bool:
    """Whether a preparation wrote this folder; see `prepared_sets`."""
    if path.is_symlink() or path.parent.is_symlink() or not path.is_dir():
        return False
    if UNFINISHED.fullmatch(path.name):
        return _holds_only(path, ("train", "validation", "test"))
    content = sidecar.read_verified(path) if SET.fullmatch(path.name) else None
    if content is None or (content.dataset, content.fingerprint[:16]) != (path.parent.name, path.name):
        return False
    return _holds_only(path, content.splits)


def remove(path: Path) -> None:
    """Remove a prepared set that no process uses.

    It is renamed first. A process that marks it meanwhile then finds it missing and prepares it again (`held`), so no
    process reads a set that is half removed.

    Raises:
        Timeout: a process uses the set, or prepares the data set.
        OSError: the operating system does not allow it.
    """
    with file_lock(path.parent / ".lock").acquire(timeout=0):
        if not is_prepared_set(path):  # it has changed since it was listed
            return
        _require_unused(path)
        aside = path.with_name(f".{path.name.strip('.')[:16]}.removed")
        if aside.exists() and aside != path:
            shutil.rmtree(aside)
        path.rename(aside)
        try:
            _require_unused(aside)
        except Timeout:
            aside.rename(path)
            raise
        shutil.rmtree(aside)


def _require_unused(folder: Path) -> None:
    for mark in folder.glob(f"{IN_USE}/*.lock"):
        with file_lock(mark).acquire(timeout=0):
            pass


def _holds_only(folder: Path, splits: Container[str]) -> bool:
    """Whether every entry is a regular file or folder, and every file is one that a preparation writes."""
    for parent, folders, files in os.walk(folder):
        if any(Path(parent, name).is_symlink() for name in (*folders, *files)):
            return False
        for name in files:
            relative = Path(parent, name).relative_to(folder).as_posix()
            array = ARRAY.fullmatch(relative)
            if not (OTHERS.fullmatch(relative) or (array and array["split"] in splits)):
                return False
    return True
