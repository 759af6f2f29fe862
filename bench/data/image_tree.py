"""A directory tree of image files as a source: its splits and its classes come from folder names."""

import os
import stat
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bench.data.decode import Files
from bench.data.sources import Source, SourceSplit
from bench.errors import UserError, reason, warn
from bench.io.files import sha256

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
SPLIT_FOLDERS = {
    "train": "train",
    "test": "test",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
}
HELD_OUT_SHARES = {"test": 0.1, "validation": 0.1}  # of a tree without split folders; the rest is for training


def image_tree(folder: Path, labelled: bool = True, splits: bool = False) -> Source:
    """Every image below `folder`.

    Folders `train/`, `test/` and optionally `validation/` are splits, if there are any. Otherwise the sha256 of an
    image's relative path decides its split. Folders at the next level are classes if every image lies in one and there
    are at least two of them.

    Args:
        folder: the root of the tree.
        labelled: whether folders may be classes.
        splits: whether split folders are required.

    Raises:
        UserError: the tree cannot be listed, has no images, or lacks a split or a class.
    """
    files = _image_files(folder)
    has_splits = splits or any(_split_folder(path, folder) for path in files)
    split_of = _splits_by_folder(files, folder) if has_splits else _splits_by_hash(files, folder)
    class_of = _class_folders(split_of, depth=len(folder.parts) + has_splits) if labelled else {}
    classes = sorted(set(class_of.values()))
    if has_splits:
        _refuse_missing_classes(folder, split_of, class_of)

    def load() -> dict[str, SourceSplit]:
        paths_of = defaultdict(list)
        for path, split in split_of.items():
            paths_of[split].append(path)
        number = {name: i for i, name in enumerate(classes)}
        return {
            split: SourceSplit(
                Files(paths, folder), np.array([number[class_of[path]] for path in paths]) if classes else None
            )
            for split, paths in sorted(paths_of.items())
        }

    return Source(f"images in {folder.name}/", folder, list(split_of), load, classes)


def _split_folder(path: Path, folder: Path) -> str | None:
    """The split that the first folder below `folder` names, if any."""
    return SPLIT_FOLDERS.get(path.parts[len(folder.parts)].lower())


def _splits_by_folder(files: list[Path], folder: Path) -> dict[Path, str]:
    split_of = {path: split for path in files if (split := _split_folder(path, folder))}
    for split in ("train", "test"):
        if split not in split_of.values():
            hint = "; or name a folder without train/ and test/, which is then split by file name" if split_of else ""
            raise UserError(f"{folder} has no images under {split}/; put some there{hint}")
    if len(split_of) < len(files):
        warn(f"{len(files) - len(split_of)} images outside the split folders are not used")
    return split_of


def _splits_by_hash(files: list[Path], folder: Path) -> dict[Path, str]:
    """Decide the split by the relative path alone, so that adding images moves no other image to another split."""
    return {path: _split_by_hash(path.relative_to(folder).as_posix()) for path in files}


def _split_by_hash(name: str) -> str:
    uniform = int(sha256(name.encode())[:8], 16) / 16**8  # in [0, 1)
    bound = 0.0
    for split, held_out in HELD_OUT_SHARES.items():
        bound += held_out
        if uniform < bound:
            return split
    return "train"


def _class_folders(files: Iterable[Path], depth: int) -> dict[Path, str]:
    """The folder at `depth` of every file; empty if a file is in none, or if all are in the same."""
    class_of = {path: path.parts[depth] for path in files if len(path.parts) > depth + 1}
    complete = all(path in class_of for path in files)
    return class_of if complete and len(set(class_of.values())) > 1 else {}


def _refuse_missing_classes(folder: Path, split_of: dict[Path, str], class_of: dict[Path, str]) -> None:
    for split in ("train", "test"):
        missing = set(class_of.values()) - {name for path, name in class_of.items() if split_of[path] == split}
        if missing:
            raise UserError(f"{folder}/{split} has no images of the class {min(missing)!r}, which is in another split")


def _image_files(folder: Path) -> list[Path]:
    """Image files below `folder`, sorted by path, without hidden files and folders."""
    files = []
    for place, folders, names in os.walk(folder, onerror=_refuse_unlistable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        images = [name for name in names if name.lower().endswith(tuple(SUFFIXES)) and not name.startswith(".")]
        files += [Path(place, name) for name in images if _is_file(os.path.join(place, name))]  # noqa: PTH118
    if not files:
        raise UserError(f"{folder} holds no images ({', '.join(sorted(SUFFIXES))})")
    return sorted(files)


def _is_file(path: str) -> bool:
    """Whether `path` is a regular file.

    Raises:
        UserError: it cannot be accessed, or its name is not UTF-8.
    """
    try:
        is_file = stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116
    except FileNotFoundError:
        if not os.path.islink(path):  # noqa: PTH114
            return False  # deleted since the folder was listed
        raise UserError(f"{path} is a broken link; repair or remove it") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {reason(error)}; make it readable or remove it") from error
    try:
        path.encode()
    except UnicodeEncodeError:  # Python represents bytes that are not UTF-8 as lone surrogates
        raise UserError(f"the file name {os.fsencode(path)!r} is not UTF-8; rename it") from None
    return is_file


def _refuse_unlistable(error: OSError) -> None:
    raise UserError(f"cannot list {error.filename}: {reason(error)}; make it readable or move it elsewhere") from error
