"""The image files of a directory tree, and what of the tree is left out: counted by suffix and reason."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import UserError, cut, reason

SUFFIXES = {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
LEFTOVERS = {  # of operating systems, network storage and archive tools; in lower case
    *("__macosx", "icon\r", "network trash folder", "temporary items"),  # macOS
    *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"),  # Windows
    *("$recycle.bin", "recycler", "system volume information"),
    "lost+found",  # Linux
    *("@eadir", "@tmp", "@sharebin", "#recycle", "#snapshot"),  # Synology
    *("@recycle", "@recently-snapshot", "~snapshot"),  # QNAP, NetApp
}
HIDDEN_LEFTOVERS = {
    *(".ds_store", ".spotlight-v100", ".fseventsd", ".temporaryitems", ".trashes", ".documentrevisions-v100"),
    *(".appledouble", ".trash", ".snapshot", ".zfs", ".@__thumb", ".git", ".ipynb_checkpoints", ".thumbnails"),
}
UNKNOWN_KIND = "a kind of file that is not read"
MOST_KINDS = 6  # of left-out files that one line lists


@dataclass
class LeftOut:
    """What is left out of the tree below `root`: (suffix, reason) -> how often, and the first path."""

    root: Path
    kinds: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)

    def add(self, path: Path, why: str, kind: str | None = None) -> None:
        """Count a file, or a folder whose `kind` is given instead of a suffix."""
        key = (kind or cut(path.suffix.lower()) or "without suffix", why)
        count, first = self.kinds.get(key, (0, path.relative_to(self.root).as_posix()))
        self.kinds[key] = (count + 1, min(first, path.relative_to(self.root).as_posix()))

    def line(self) -> str | None:
        """Return one line that says what is left out; None if nothing is."""
        if not self.kinds:
            return None
        ordered = sorted(self.kinds.items(), key=lambda item: (-item[1][0], item[0]))
        parts = [f"{count:,} {kind} ({why}), such as {cut(path)}" for (kind, why), (count, path) in ordered]
        rest = sum(count for _, (count, _) in ordered[MOST_KINDS:])
        parts = [*parts[:MOST_KINDS], *([f"{rest:,} others"] if rest else [])]
        total = sum(count for _, (count, _) in ordered)
        return f"{total:,} {'file is' if total == 1 else 'files are'} not used in {self.root}: {'; '.join(parts)}"


def image_files(root: Path) -> tuple[list[Path], LeftOut]:
    """Return the image files below `root`, sorted by path, and what is left out.

    Raises:
        UserError: a folder is a link or cannot be listed, a file cannot be read, or there are no images.
    """
    files, left_out = [], LeftOut(root)
    for place, folders, names in os.walk(root, onerror=_refuse_unlistable):
        folders[:] = _visited(Path(place), folders, left_out)
        if not folders and not names and Path(place) != root:
            left_out.add(Path(place), "empty", "folder")
        files += _images(place, names, left_out)
    if not files:
        line = left_out.line()
        raise UserError(f"{root} holds no images ({', '.join(sorted(SUFFIXES))})" + (f"; {line}" if line else ""))
    return sorted(files), left_out


def _visited(place: Path, folders: list[str], left_out: LeftOut) -> Iterator[str]:
    """The folders to descend into."""
    for name in folders:
        if name.lower() in LEFTOVERS | HIDDEN_LEFTOVERS or _is_prepared(place / name):
            continue
        if name.startswith("."):
            left_out.add(place / name, "hidden", "folder")
        elif (place / name / "experiment.yaml").exists():
            left_out.add(place / name, "results of an experiment", "folder")
        elif (place / name).is_symlink():
            raise UserError(
                f"{place / name} is a linked folder, and links are not followed; replace it by a copy of its target "
                "(or mount the target there), or remove it"
            )
        else:
            yield name


def _is_prepared(folder: Path) -> bool:
    """Whether this is a prepared set, whole or in part: --prepared may lie in the tree."""
    return (folder / "sidecar.json").exists() or (folder.name.startswith(".") and folder.suffix == ".part")


def _images(place: str, names: list[str], left_out: LeftOut) -> Iterator[Path]:
    for name in names:
        is_image = name.lower().endswith(tuple(SUFFIXES))
        if name.startswith("."):
            if is_image and not name.startswith("._"):  # macOS keeps metadata in ._NAME
                left_out.add(Path(place, name), "hidden")
        elif not is_image:
            if name.lower() not in LEFTOVERS:
                left_out.add(Path(place, name), UNKNOWN_KIND)
        elif _is_file(os.path.join(place, name)):  # noqa: PTH118
            yield Path(place, name)
        else:
            left_out.add(Path(place, name), "not a regular file")


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
