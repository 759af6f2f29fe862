"""A local copy of an experiment in an object store, updated by copying only the files that have changed."""

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bench.io import untrusted
from bench.io.files import CHECKSUMS, Folder, TooLarge, write_atomically
from bench.io.limits import max_bytes
from bench.io.object_store import Remote

INDEX = ".mirror.json"  # name of every file that was copied -> its stamp, as a list; empty if unsettled
MAX_INDEX_BYTES = 2**28  # of a million files
REQUESTS_AT_ONCE = 16
SETTLING = 5e9  # ns; stores round times to seconds, so that a file may change again without changing its stamp

Stamp = tuple[int, int]  # size in bytes and time of the last change in ns

_lock = threading.Lock()  # loggers pull in threads of their own


@dataclass
class Index:
    """The files of a copy, with the stamp that each had in the store.

    A stamp of None is unsettled: the file came from the store, but may have changed since without changing its stamp.
    """

    stamps: dict[str, Stamp | None]

    @classmethod
    def read(cls, folder: Path) -> "Index":
        """Read the index of a copy; empty if it is missing, damaged or malformed."""
        data = Folder(folder).read_if_intact(INDEX)
        document = untrusted.parse_json(data, folder / INDEX, MAX_INDEX_BYTES) if data else {}
        entries = document.items() if isinstance(document, dict) else ()
        return cls({name: _parse_stamp(stamp) for name, stamp in entries if untrusted.is_safe_name(name)})

    def write(self, folder: Path) -> None:
        """Write the index atomically."""
        Folder(folder).write(INDEX, json.dumps({name: stamp or [] for name, stamp in self.stamps.items()}).encode())

    def outdated(self, listing: dict[str, Stamp], below: str) -> set[str]:
        """Return the copied files in the folder `below` that are gone from the store, or may have changed there."""
        names = {name for name in self.stamps if not below or name.startswith(f"{below}/")}
        return {name for name in names if listing.get(name) != self.stamps[name] or name not in listing}

    def update(self, copied: Iterable[str], removed: set[str], listing: dict[str, Stamp]) -> None:
        """Record the files that were copied from the store, and those that were removed from the copy."""
        newest = max((modified for _, modified in listing.values()), default=0)
        self.stamps = {name: stamp for name, stamp in self.stamps.items() if name not in removed}
        self.stamps |= {name: listing[name] if listing[name][1] < newest - SETTLING else None for name in copied}


def pull(
    remote: Remote,
    folder: Path,
    wanted: Callable[[PurePosixPath], bool],
    below: str = "",
    published: Sequence[str] = (),
) -> int:
    """Copy files that are new or have changed in `remote`, or in its folder `below`, to `folder`.

    Files that were copied before are removed from `folder` if they are gone from the store, or have changed there and
    are not wanted now. Names in the store and in the index are untrusted (`untrusted.is_safe_name`): the index and the
    locks of the copy never come from the store.

    Args:
        remote: the experiment in the store.
        folder: the copy.
        wanted: whether to copy the file of a name.
        below: the folder to which copying is limited, relative to both; empty: the whole experiment.
        published: files and folders to which copying and removing are limited, with their checksums; empty: all.

    Returns:
        The number of files that were copied.

    Raises:
        StorageError: the store cannot be read.
        Malformed: a link in the copy leads out of it.
        TooLarge: a file in the store is larger than anything that a run writes under its name.
    """
    with _lock:
        return _pull(remote, folder, wanted, below, published)


def _pull(
    remote: Remote, folder: Path, wanted: Callable[[PurePosixPath], bool], below: str, published: Sequence[str]
) -> int:
    index = Index.read(folder)
    listing = {name: stamp for name, stamp in _list_files(remote, below).items() if _is_published(name, published)}
    outdated = {name for name in index.outdated(listing, below) if _is_published(name, published)}
    new = [
        name
        for name in listing
        if wanted(PurePosixPath(name))
        and (name in outdated or name not in index.stamps or not (folder / name).exists())
    ]
    for name in new:
        if listing[name][0] > max_bytes(PurePosixPath(name)):
            raise TooLarge(remote / name, listing[name][0], max_bytes(PurePosixPath(name)))
    removed = outdated - set(new)
    for name in removed:
        untrusted.inside(folder, name).unlink(missing_ok=True)
    _copy(remote, folder, new)
    index.update(new, removed, listing)
    if new or removed:
        index.write(folder)
    return len(new)


def _is_published(name: str, published: Sequence[str]) -> bool:
    top = next(part for part in name.split("/") if part != CHECKSUMS)
    return not published or top in published


def _list_files(remote: Remote, below: str) -> dict[str, Stamp]:
    listing = (remote / below if below else remote).files()
    prefix = f"{below}/" if below else ""
    return {prefix + name: stamp for name, stamp in listing.items() if untrusted.is_safe_name(prefix + name)}


def _copy(remote: Remote, folder: Path, names: list[str]) -> None:
    def copy(name: str) -> None:
        write_atomically(untrusted.inside(folder, name), (remote / name).read_bytes())

    # Checksums first: if a file changes between the two, it is found damaged and copied again the next time.
    for checksums in (True, False):
        group = [name for name in names if (CHECKSUMS in PurePosixPath(name).parts) == checksums]
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            list(pool.map(copy, group))


def push(folder: Path, remote: Remote, names: Sequence[str]) -> None:
    """Copy these files and folders, with their checksums, from `folder` to `remote`."""
    paths = [path for name in names for part in (name, f"{CHECKSUMS}/{name}") for path in _files(folder / part)]
    targets = [remote / path.relative_to(folder).as_posix() for path in paths]
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        list(pool.map(lambda path, target: target.write_bytes(path.read_bytes()), paths, targets))


def _parse_stamp(stamp: object) -> Stamp | None:
    match stamp:
        case [int(size), int(modified)]:
            return size, modified
    return None


def _files(path: Path) -> list[Path]:
    paths = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [each for each in paths if each.is_file() and each.suffix != ".lock"]
