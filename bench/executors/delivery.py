"""Copies of the trials' inputs on nodes that cannot read the driver's files.

The first trial on a node that needs a copy fetches it; later trials and runs reuse it. Each node has one folder for
copies (`WAE_BENCH_NODE_CACHE`, or a private folder in the temporary directory). The names of copies are hashes of their
content. All trials of a node memory-map the same file of images.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench.data.prepared import Prepared
from bench.errors import RunError
from bench.executors.base import Inputs
from bench.io.files import explain_write_errors, file_sha256, make_folder, sha256
from bench.io.locks import file_lock

CACHE_VARIABLE = "WAE_BENCH_NODE_CACHE"
CHUNK_BYTES = 32 * 2**20  # bytes per request

Fetch = Callable[[str, str, int], bytes]  # kind of file set, name of a file, index of a chunk -> content of the chunk

_located: dict[str, Path] = {}  # folders that this process has verified or fetched, so that it hashes them only once


@dataclass(frozen=True)
class FileSet:
    """Files in a folder on the driver's machine.

    Attributes:
        folder: the folder.
        files: relative path -> size in bytes and sha256. The sha256 is None if `Prepared.check` verifies the file.
        parent: the name of the file set that this one was computed from, if any.
    """

    folder: Path
    files: Mapping[str, tuple[int, str | None]]
    parent: str = ""

    @property
    def name(self) -> str:
        """The name of a node's copy: a hash of the content."""
        return sha256(repr((self.parent, sorted(self.files.items()))).encode())[:16]

    def is_in(self, folder: Path) -> bool:
        """Whether `folder` on this machine contains all files, with the same sizes and hashes."""
        if not folder.is_dir():
            return False
        for name, (size, digest) in self.files.items():
            path = folder / name
            if not path.is_file() or path.stat().st_size != size or digest not in (None, file_sha256(path)):
                return False
        return True


def file_sets(inputs: Inputs) -> dict[str, FileSet]:
    """Return the files that a node may have to fetch, by field of `Inputs`."""
    # Arrays of images are not hashed here, because the sidecar of the data set has their checksums.
    sets = {"data": _file_set(inputs.data, lambda path: path.suffix != ".npy", skip=(inputs.features,))}
    make_folder(inputs.features)
    sets["features"] = replace(_file_set(inputs.features), parent=sets["data"].name)
    sets["extractor"] = _file_set(inputs.extractor)
    if inputs.inception:
        weights = inputs.inception
        files = {weights.name: (weights.stat().st_size, file_sha256(weights))}
        sets["inception"] = FileSet(weights.parent, files)
    return sets


def _file_set(folder: Path, hashed: Callable[[Path], bool] = lambda _: True, skip: tuple[Path, ...] = ()) -> FileSet:
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith((".lock", ".part")) and not {*skip} & {*path.parents}:
            digest = file_sha256(path) if hashed(path) else None
            files[path.relative_to(folder).as_posix()] = (path.stat().st_size, digest)
    return FileSet(folder, files)


def read_chunk(sets: dict[str, FileSet], kind: str, name: str, index: int) -> bytes:
    """Read one chunk of a file on the driver's machine, as `Fetch` does from a node."""
    with (sets[kind].folder / name).open("rb") as file:
        file.seek(index * CHUNK_BYTES)
        return file.read(CHUNK_BYTES)


def locate(inputs: Inputs, sets: dict[str, FileSet], fetch: Fetch) -> Inputs:
    """Return the inputs on this machine: the driver's own paths if they are readable, else copies.

    Raises:
        RunError: a copy differs from the original, or the disk is full.
    """
    folders = {kind: _locate(kind, file_set, fetch) for kind, file_set in sets.items()}
    weights = folders["inception"] / inputs.inception.name if inputs.inception else None
    return Inputs(folders["data"], folders["features"], folders["extractor"], weights)


def _locate(kind: str, file_set: FileSet, fetch: Fetch) -> Path:
    name = f"{kind}-{file_set.name}"
    if name not in _located:
        original = file_set.folder
        _located[name] = original if file_set.is_in(original) else _copy(kind, file_set, fetch)
    return _located[name]


def _copy(kind: str, file_set: FileSet, fetch: Fetch) -> Path:
    cache = cache_folder()
    target = cache / f"{kind}-{file_set.name}"
    with file_lock(cache / f".{target.name}.lock"):  # another trial may be fetching it
        if not _is_intact(kind, file_set, target):  # temporary folders are cleaned up from time to time
            shutil.rmtree(target, ignore_errors=True)
            _fetch(kind, file_set, target, fetch)
    return target


def _is_intact(kind: str, file_set: FileSet, folder: Path) -> bool:
    return file_set.is_in(folder) and (kind != "data" or Prepared(folder).check())


def _fetch(kind: str, file_set: FileSet, target: Path, fetch: Fetch) -> None:
    partial = target.with_name(f".{target.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    make_folder(partial)
    for name, (size, _) in file_set.files.items():
        make_folder((partial / name).parent)
        with explain_write_errors(partial / name), (partial / name).open("wb") as file:
            for index in range(-(-size // CHUNK_BYTES)):
                file.write(fetch(kind, name, index))
    if not _is_intact(kind, file_set, partial):
        raise RunError(f"the copy of the {kind} in {target} differs from the original; --retry-failed fetches it again")
    partial.rename(target)


def cache_folder() -> Path:
    """Return the folder of this node's copies. Create it if it is missing, in the temporary directory with mode 0700.

    Raises:
        RunError: the folder in the temporary directory belongs to another user.
    """
    configured = os.environ.get(CACHE_VARIABLE)
    if configured:
        make_folder(Path(configured))
        return Path(configured)
    folder = Path(tempfile.gettempdir()) / f"wae-bench-{os.getuid()}"
    with explain_write_errors(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise RunError(f"{folder} belongs to another user; set {CACHE_VARIABLE} to a folder for copies of the data")
    return folder
