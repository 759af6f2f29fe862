"""A directory tree of image files as a source: its splits and its classes come from folder names."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bench.data.decode import Files
from bench.data.hashed_splits import split_by_hash
from bench.data.sources import Source, SourceSplit
from bench.data.tree_files import LeftOut, image_files
from bench.errors import UserError

_PLAIN = {"train": "train", "test": "test", "validation": "validation", "valid": "validation", "val": "validation"}
SPLIT_FOLDERS = {  # in lower case
    **_PLAIN,
    "training": "train",
    "testing": "test",
    **{
        f"{name}{ending}": split
        for name, split in (*_PLAIN.items(), ("training", "train"), ("testing", "test"))
        for ending in ("set", "_set", "-set", "_images", "-images", "_data")
    },
}
OUTSIDE = "outside the split folders"


def image_tree(folder: Path, labelled: bool = True, splits: bool = False) -> Source:
    """Every image below `folder`.

    Folders `train/`, `test/` and optionally `validation/` (or a synonym: SPLIT_FOLDERS) are splits, if there are any.
    Otherwise the sha256 of an image's relative path decides its split. Folders at the next level are classes if every
    image lies in one and there are at least two of them, each with training images. What is left out is counted in the
    source's notes.

    Args:
        folder: the root of the tree.
        labelled: whether folders may be classes.
        splits: whether split folders are required.

    Raises:
        UserError: the tree cannot be listed, has no images or linked folders, lacks a split or a class, or has split
            folders at another level.
    """
    files, left_out = image_files(folder)
    has_splits = splits or any(_split_folder(path, folder) for path in files)
    if not any(_split_folder(path, folder) for path in files):
        _refuse_deeper_splits(files, folder)
    split_of = _splits_by_folder(files, folder, left_out) if has_splits else _splits_by_hash(files, folder)
    class_of, why = _class_folders(split_of, depth=len(folder.parts) + has_splits) if labelled else ({}, None)
    unseen = set(class_of.values()) - {name for path, name in class_of.items() if split_of[path] == "train"}
    if unseen and not has_splits:
        why = _without_labels(unseen, set(class_of.values()))
        class_of = {}
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

    synonyms = {path.parts[len(folder.parts)].lower() for path in split_of} - set(_PLAIN) if has_splits else set()
    return Source(
        f"images in {folder.name}/",
        folder,
        list(split_of),
        load,
        classes,
        choices=(
            *((f"split folders: {', '.join(sorted(synonyms))}",) if synonyms else ()),
            *(("no classes",) if unseen and not has_splits else ()),
        ),
        notes=tuple(note for note in (left_out.line(), why) if note),
    )


def _split_folder(path: Path, folder: Path) -> str | None:
    """The split that the first folder below `folder` names, if any."""
    return SPLIT_FOLDERS.get(path.parts[len(folder.parts)].lower())


def _splits_by_folder(files: list[Path], folder: Path, left_out: LeftOut) -> dict[Path, str]:
    split_of = {path: split for path in files if (split := _split_folder(path, folder))}
    _refuse_doubled_splits(split_of, folder)
    for split in ("train", "test"):
        if split not in split_of.values():
            hint = "; or name a folder without train/ and test/, which is then split by file name" if split_of else ""
            raise UserError(f"{folder} has no images under {split}/; put some there{hint}")
    for path in files:
        if path not in split_of:
            left_out.add(path, OUTSIDE)
    return split_of


def _refuse_doubled_splits(split_of: dict[Path, str], folder: Path) -> None:
    """Refuse train/ beside training/: one of them may be a copy of the other."""
    name_of: dict[str, str] = {}
    for path, split in split_of.items():
        name = path.parts[len(folder.parts)]
        if name_of.setdefault(split, name) != name:
            raise UserError(f"{folder} has two folders for {split}: {name_of[split]}/ and {name}/; keep one of them")


def _refuse_deeper_splits(files: list[Path], folder: Path) -> None:
    """Refuse a tree in which a folder below the first level holds split folders, which would become parts of classes.

    Otherwise published test images would be trained on.
    """
    splits_in: dict[Path, dict[str, str]] = defaultdict(dict)
    for place in {path.parent for path in files}:
        names = place.parts[len(folder.parts) :]
        for depth, name in enumerate(names[1:], 1):
            if split := SPLIT_FOLDERS.get(name.lower()):
                splits_in[folder.joinpath(*names[:depth])][split] = name
    for parent, names in sorted(splits_in.items()):
        if {"train", "test"} <= set(names):
            raise UserError(
                f"the split folders {names['train']}/ and {names['test']}/ are in {parent}, not at the top of "
                f"{folder}; name {parent} as the image folder, or move the split folders to the top"
            )


def _splits_by_hash(files: list[Path], folder: Path) -> dict[Path, str]:
    """Decide the split by the relative path alone, so that adding images moves no other image to another split."""
    return {path: split_by_hash(path.relative_to(folder).as_posix().encode()) for path in files}


def _class_folders(files: Iterable[Path], depth: int) -> tuple[dict[Path, str], str | None]:
    """Return the folder at `depth` of every file; nothing, and perhaps a note, if some are in none or all in one."""
    class_of = {path: path.parts[depth] for path in files if len(path.parts) > depth + 1}
    outside = [path for path in files if path not in class_of]
    several = len(set(class_of.values())) > 1
    if several and outside:
        count = f"{len(outside):,} of them {'lies' if len(outside) == 1 else 'lie'}"
        return {}, f"the images have no classes, because {count} outside the class folders, such as {outside[0]}"
    return (class_of if several else {}), None


def _without_labels(unseen: set[str], every: set[str]) -> str:
    """A note: classes that no training image has cannot be learnt, as in a set of faces with a folder per person."""
    return (
        f"the folders are not used as classes, because {len(unseen):,} of {len(every):,} have no training images, such "
        f"as {min(unseen)}/; for classes, add images to them, or make train/ and test/ folders"
    )


def _refuse_missing_classes(folder: Path, split_of: dict[Path, str], class_of: dict[Path, str]) -> None:
    for split in ("train", "test"):
        missing = set(class_of.values()) - {name for path, name in class_of.items() if split_of[path] == split}
        if missing:
            raise UserError(f"{folder}/{split} has no images of the class {min(missing)!r}, which is in another split")
