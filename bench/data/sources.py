"""Where images come from: scikit-learn's digits, torchvision's files, CelebA's folder, or a tree of image files."""

import importlib.util
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.data.decode import Files, Images, Pixels
from bench.data.progress_bar import track
from bench.errors import UserError, reason, warn
from bench.io.files import file_sha256, sha256

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
SPLIT_FOLDERS = {
    "train": "train",
    "test": "test",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
}
SMALL = 500_000  # bytes: of smaller files two threads hash no more than one, of a few kB a third
HASHED = {"test": 0.1, "validation": 0.1}  # shares of a tree without split folders; the rest is for training


@dataclass(frozen=True)
class Part:
    """One split of a source: images, and int labels [n] where there are classes."""

    images: Images
    labels: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> "Part":
        return Part(self.images.take(rows), None if self.labels is None else self.labels[rows])


@dataclass(frozen=True)
class Source:
    """Files on disk and how to read them. `load` gives train and test, perhaps validation; or everything as "all"."""

    about: str
    root: Path
    files: list[Path] = field(repr=False)
    load: Callable[[], dict[str, Part]] = field(repr=False)
    classes: list[str]  # empty: images without labels

    def signature(self) -> str:
        """A cheap mark of these very files: names, sizes, dates."""
        stats = ((self._name(path), path.stat()) for path in self.files)
        return sha256(repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]).encode())

    def contents(self) -> list[list[str]]:
        """Relative name and sha256 of every file, in order of name."""
        found = []
        with track(f"hashing {self.root}", len(self.files)) as tell, ThreadPoolExecutor() as pool:
            digests = (map if _small(self.files) else pool.map)(file_sha256, self.files)
            for path, digest in zip(self.files, digests, strict=True):
                found.append([self._name(path), digest])
                tell(1)
        return found

    def _name(self, path: Path) -> str:
        """Below the root. (Path.relative_to takes as long as hashing a small file.)"""
        return path.as_posix()[len(self.root.as_posix()) + 1 :]


def _small(files: list[Path]) -> bool:
    """Whether threads would wait for each other, opening files, longer than they hash: judged by a few of them."""
    some = files[:: max(1, len(files) // 100)]
    return sum(path.stat().st_size for path in some) < SMALL * len(some)


def digits() -> Source:
    """The digits inside scikit-learn, as one part."""
    spec = importlib.util.find_spec("sklearn")  # found, not imported: that takes seconds
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"

    def load() -> dict[str, Part]:
        table = np.loadtxt(path, delimiter=",")  # as scikit-learn reads it; importing that takes over a second
        images = np.rint(table[:, :-1].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)  # 17 grey levels, 0 to 16
        return {"all": Part(Pixels(images), table[:, -1].astype(np.int64))}

    return Source("scikit-learn load_digits", path.parent, [path], load, [str(i) for i in range(10)])


def torchvision(name: str, root: Path, folder: str, files: tuple[str, ...], classes: list[str]) -> Source | None:
    """What torchvision has put under `root`; None where a file is missing."""
    if not all((root / folder / file).exists() for file in files):
        return None

    def load() -> dict[str, Part]:
        from torchvision import datasets

        parts = {}
        for split in ("train", "test"):
            data = getattr(datasets, name)(str(root), train=split == "train")
            parts[split] = Part(Pixels(np.asarray(data.data)), np.asarray(data.targets))
        return parts

    paths = [root / folder / file for file in sorted(files)]
    return Source(f"torchvision.datasets.{name}", root / folder, paths, load, classes)


def celeba(folder: Path) -> Source | None:
    """CelebA's aligned faces with its published partition; None where either is missing."""
    images, partition = folder / "img_align_celeba", folder / "list_eval_partition.txt"
    if not (images.is_dir() and partition.exists()):
        return None
    splits: dict[str, list[Path]] = {"train": [], "validation": [], "test": []}
    for number, line in enumerate(partition.read_text(errors="replace").strip().splitlines(), 1):
        name, _, split = line.strip().partition(" ")
        if split.strip() not in ("0", "1", "2") or Path(name).name != name:
            raise UserError(f"{partition}, line {number}: {line[:40]!r} is not a file name and 0, 1 or 2")
        splits[list(splits)[int(split)]].append(images / name)
    files = sorted(path for paths in splits.values() for path in paths)
    there = {path.name for path in images.iterdir()}
    missing = [path for path in files if path.name not in there]
    if missing:
        raise UserError(f"{len(missing)} images that {partition} names are missing, such as {missing[0]}")

    def load() -> dict[str, Part]:
        return {split: Part(Files(paths, images)) for split, paths in splits.items()}

    return Source("CelebA, aligned, published partition", folder, [*files, partition], load, [])


def tree(folder: Path, labelled: bool = True, splits: bool = False) -> Source:
    """Every image below `folder`.

    Folders `train/`, `test/` and perhaps `validation/` are splits, if there are any; folders below these are classes,
    if all images are in one and there are at least two of them. Without split folders the sha256 of an image's
    relative path decides its split.

    Args:
        labelled: whether folders may be classes.
        splits: whether split folders are required.
    """
    files = _images(folder)
    found = {path: SPLIT_FOLDERS.get(path.parts[len(folder.parts)].lower()) for path in files}
    named = {split for split in found.values() if split}
    if named or splits:
        _require(folder, named)
        inside = [path for path in files if found[path]]
        if len(inside) < len(files):
            warn(f"{len(files) - len(inside)} images beside train/ and test/ are not used")
        files = inside
        split_of = {path: found[path] or "" for path in files}
    else:
        split_of = {path: _hashed(path.relative_to(folder).as_posix()) for path in files}
    depth = len(folder.parts) + bool(named)
    folders = {path: path.parts[depth] if len(path.parts) > depth + 1 else None for path in files}
    classes = sorted({name for name in folders.values() if name})
    if not labelled or None in folders.values() or len(classes) < 2:
        classes = []
    for split in named & {"train", "test"}:
        lacking = set(classes) - {str(folders[path]) for path in files if split_of[path] == split}
        if lacking:
            raise UserError(f"{folder}/{split} has no images of the class {min(lacking)!r}, which is in another split")

    def load() -> dict[str, Part]:
        number = {name: i for i, name in enumerate(classes)}
        parts = {}
        for split in sorted(set(split_of.values())):
            paths = [path for path in files if split_of[path] == split]
            labels = np.array([number[str(folders[path])] for path in paths]) if classes else None
            parts[split] = Part(Files(paths, folder), labels)
        return parts

    return Source(f"images in {folder.name}/", folder, files, load, classes)


def _images(folder: Path) -> list[Path]:
    """Image files below `folder`, in order of name; what is hidden does not count."""
    files = []
    for place, folders, names in os.walk(folder, onerror=_cannot_list):
        folders[:] = [name for name in folders if not name.startswith(".")]
        images = [name for name in names if name.lower().endswith(tuple(SUFFIXES)) and not name.startswith(".")]
        files += [Path(place, name) for name in images if _is_file(os.path.join(place, name))]  # noqa: PTH118
    if not files:
        raise UserError(f"{folder} holds no images ({', '.join(sorted(SUFFIXES))})")
    return sorted(files)


def _is_file(path: str) -> bool:
    """Whether there is a file; UserError where that cannot be said, or its name cannot be written down."""
    try:
        there = stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116
    except FileNotFoundError:
        if not os.path.islink(path):  # noqa: PTH114
            return False  # it has gone meanwhile
        raise UserError(f"{path} is a link to nothing; mend or remove it") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {reason(error)}; mend or remove it") from error
    try:
        path.encode()
    except UnicodeEncodeError:  # Python keeps bytes that are not UTF-8 as lone surrogates
        raise UserError(f"the file name {os.fsencode(path)!r} is not UTF-8; rename it") from None
    return there


def _cannot_list(error: OSError) -> None:
    raise UserError(f"cannot list {error.filename}: {reason(error)}; make it readable, or move it elsewhere") from error


def _require(folder: Path, named: set[str]) -> None:
    for split in ("train", "test"):
        if split not in named:
            hint = "" if not named else "; or name a folder without train/ and test/, which is then split by file name"
            raise UserError(f"{folder} has no images under {split}/; put some there{hint}")


def _hashed(name: str) -> str:
    """The split of a relative path: a function of the path alone, so that added images move none."""
    share = int(sha256(name.encode())[:8], 16) / 16**8
    bound = 0.0
    for split, part in HASHED.items():
        bound += part
        if share < bound:
            return split
    return "train"
