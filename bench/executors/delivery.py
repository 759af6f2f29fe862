"""What trials read, on nodes that do not see the driver's files: fetched once a node, by whichever trial asks first.

A node keeps its copy in a folder of its own (`WAE_BENCH_NODE_CACHE`, else one of the user's in the temporary folder)
under a name that says what is in it, so that later runs find it there; trials map the images from that one file.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock

from bench.data.prepared import Prepared
from bench.errors import RunError
from bench.executors.base import Inputs
from bench.io.files import explain_write_errors, file_sha256, make_folder, sha256

CACHE = "WAE_BENCH_NODE_CACHE"
PART = 32 * 2**20  # bytes that travel at a time

Fetch = Callable[[str, str, int], bytes]  # kind of parcel, file, number of the part -> its bytes

_places: dict[str, Path] = {}  # what this process has found or fetched, so that not every trial of it hashes it


@dataclass(frozen=True)
class Parcel:
    """Files of the driver's machine below a folder. files: name -> size, and sha256 where nothing else checks it.

    of: the name of the parcel that it belongs to, if any.
    """

    folder: Path
    files: Mapping[str, tuple[int, str | None]]
    of: str = ""

    @property
    def name(self) -> str:
        """Under which a node keeps its copy: of the content."""
        return sha256(repr((self.of, sorted(self.files.items()))).encode())[:16]

    def seen(self, folder: Path) -> bool:
        """Whether these very files are in `folder` here."""
        if not folder.is_dir():
            return False
        for name, (size, digest) in self.files.items():
            path = folder / name
            if not path.is_file() or path.stat().st_size != size or digest not in (None, file_sha256(path)):
                return False
        return True


def packed(inputs: Inputs) -> dict[str, Parcel]:
    """What there is to fetch, by its name in `Inputs`."""
    # Every image is vouched for by the sidecar.
    parcels = {"data": _parcel(inputs.data, lambda path: path.suffix != ".npy", skip=(inputs.features,))}
    make_folder(inputs.features)
    parcels["features"] = replace(_parcel(inputs.features), of=parcels["data"].name)
    parcels["extractor"] = _parcel(inputs.extractor)
    if inputs.inception:
        weights = inputs.inception
        files = {weights.name: (weights.stat().st_size, file_sha256(weights))}
        parcels["inception"] = Parcel(weights.parent, files)
    return parcels


def _parcel(folder: Path, hashed: Callable[[Path], bool] = lambda _: True, skip: tuple[Path, ...] = ()) -> Parcel:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith((".lock", ".part")) and not {*skip} & {*path.parents}:
            digest = file_sha256(path) if hashed(path) else None
            found[path.relative_to(folder).as_posix()] = (path.stat().st_size, digest)
    return Parcel(folder, found)


def part(parcels: dict[str, Parcel], kind: str, name: str, number: int) -> bytes:
    """A `Fetch`, on the driver's machine."""
    with (parcels[kind].folder / name).open("rb") as file:
        file.seek(number * PART)
        return file.read(PART)


def here(inputs: Inputs, parcels: dict[str, Parcel], fetch: Fetch) -> Inputs:
    """The inputs where this machine has them: at the same paths, if it sees those, else in its own copy.

    Raises:
        RunError: what came is not what was sent, or there is no room for it.
    """
    folders = {kind: _place(kind, parcel, fetch) for kind, parcel in parcels.items()}
    weights = folders["inception"] / inputs.inception.name if inputs.inception else None
    return Inputs(folders["data"], folders["features"], folders["extractor"], weights)


def _place(kind: str, parcel: Parcel, fetch: Fetch) -> Path:
    name = f"{kind}-{parcel.name}"
    if name not in _places:
        _places[name] = parcel.folder if parcel.seen(parcel.folder) else _copy(kind, parcel, fetch)
    return _places[name]


def _copy(kind: str, parcel: Parcel, fetch: Fetch) -> Path:
    copies = cache()
    target = copies / f"{kind}-{parcel.name}"
    with FileLock(copies / f".{target.name}.lock"):  # another trial may be fetching it
        if not _sound(kind, parcel, target):  # whatever has become of it since: temporary folders are swept
            shutil.rmtree(target, ignore_errors=True)
            _fetch(kind, parcel, target, fetch)
    return target


def _sound(kind: str, parcel: Parcel, folder: Path) -> bool:
    return parcel.seen(folder) and (kind != "data" or Prepared(folder).check())


def _fetch(kind: str, parcel: Parcel, target: Path, fetch: Fetch) -> None:
    partial = target.with_name(f".{target.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    make_folder(partial)
    for name, (size, _) in parcel.files.items():
        make_folder((partial / name).parent)
        with explain_write_errors(partial / name), (partial / name).open("wb") as file:
            for number in range(-(-size // PART)):
                file.write(fetch(kind, name, number))
    if not _sound(kind, parcel, partial):
        raise RunError(f"the {kind} that came to {target} is not what was sent")
    partial.rename(target)


def cache() -> Path:
    """The folder of a node's copies, of this user alone.

    Raises:
        RunError: it is somebody else's.
    """
    named = os.environ.get(CACHE)
    if named:
        make_folder(Path(named))
        return Path(named)
    folder = Path(tempfile.gettempdir()) / f"wae-bench-{os.getuid()}"
    with explain_write_errors(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise RunError(f"{folder} is somebody else's; name a folder for copies of the data with {CACHE}")
    return folder
