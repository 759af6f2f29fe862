"""A copy on this machine of an experiment in an object store, brought up to date by copying what has changed since."""

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from bench.io import untrusted
from bench.io.files import CHECKSUMS, Folder, write_atomically
from bench.io.object_store import Remote

INDEX = ".mirror.json"  # name of every file that was copied -> its mark then
INDEX_BYTES = 2**28  # of a million files
AT_ONCE = 16  # requests
SETTLING = 5e9  # ns: stores tell times in whole seconds, so a file may change again without its mark doing so

_one_at_a_time = threading.Lock()  # loggers pull in threads of their own


def pull(remote: Remote, folder: Path, wanted: Callable[[PurePosixPath], bool], below: str = "") -> int:
    """Copy to `folder` what is new in `remote`, or in its folder `below`; how many files.

    What was copied before and is no longer there, or has changed there and is not wanted now, is removed here.

    wanted: whether to copy a name at all.
    Raises:
        StorageError: it cannot be read.
    """
    with _one_at_a_time:
        return _pull(remote, folder, wanted, below)


def _pull(remote: Remote, folder: Path, wanted: Callable[[PurePosixPath], bool], below: str) -> int:
    index = _index(folder)
    listed = (remote / below if below else remote).files()
    marks = {f"{below}/{name}" if below else name: mark for name, mark in listed.items() if _inside(name)}
    new = [
        name
        for name, mark in marks.items()
        if wanted(PurePosixPath(name)) and (index.get(name) != list(mark) or not (folder / name).exists())
    ]
    here = {name for name in index if not below or name.startswith(f"{below}/")}
    old = {name for name in here if name not in marks or (index[name] != list(marks[name]) and name not in new)}
    for name in old:
        (folder / name).unlink(missing_ok=True)
    index = {name: mark for name, mark in index.items() if name not in old}
    # Checksums first: a file that changes meanwhile is found damaged, and copied again the next time.
    for notes in (True, False):
        names = [name for name in new if (CHECKSUMS in PurePosixPath(name).parts) == notes]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda name: write_atomically(folder / name, (remote / name).read_bytes()), names))
    newest = max((time for _, time in marks.values()), default=0)
    # Also of what may change again without its mark doing so it is known that it came from there.
    index |= {name: list(marks[name]) if marks[name][1] < newest - SETTLING else [] for name in new}
    if new or old:
        Folder(folder).write(INDEX, json.dumps(index).encode())
    return len(new)


def push(folder: Path, remote: Remote, names: Sequence[str]) -> None:
    """Put these files and folders, with their checksums, into `remote`."""
    found = [path for name in names for place in (name, f"{CHECKSUMS}/{name}") for path in _files(folder / place)]
    targets = [remote / path.relative_to(folder).as_posix() for path in found]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda path, target: target.write_bytes(path.read_bytes()), found, targets))


def _index(folder: Path) -> dict[str, list[int]]:
    known = Folder(folder).read_if_intact(INDEX)
    found = untrusted.parse_json(known, folder / INDEX, most=INDEX_BYTES) if known else {}
    return found if isinstance(found, dict) else {}


def _inside(name: str) -> bool:
    """Whether a name of somebody's store stays in the folder that it is copied to."""
    return ".." not in PurePosixPath(name).parts and not PurePosixPath(name).is_absolute()


def _files(path: Path) -> list[Path]:
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [each for each in found if each.is_file() and each.suffix != ".lock"]
