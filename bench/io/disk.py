"""Disk usage, by kind of file."""

import os
from pathlib import Path

KINDS = {"checkpoint.pt": "checkpoints", "checkpoint.previous.pt": "checkpoints", "history.parquet": "rows"}
FOLDERS = {"samples": "grids", "extractor": "extractor", "report": "report"}


def size(path: Path) -> int:
    """Return the bytes that a file or a folder with its content takes on disk; 0 if it does not exist."""
    if not path.is_dir():
        return path.stat().st_blocks * 512 if path.exists() else 0
    return sum((Path(folder) / name).lstat().st_blocks * 512 for folder, _, names in os.walk(path) for name in names)


def usage(experiment: Path) -> dict[str, int]:
    """Return the bytes of an experiment's folder by kind (checkpoints, grids, rows, extractor, report, other)."""
    sizes: dict[str, int] = {}
    for folder, _, names in os.walk(experiment):
        parts = Path(folder).relative_to(experiment).parts
        folder_kind = next((FOLDERS[part] for part in parts if part in FOLDERS), "other")
        for name in names:
            kind = KINDS.get(name, folder_kind)
            sizes[kind] = sizes.get(kind, 0) + (Path(folder) / name).lstat().st_blocks * 512
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def format_bytes(size: int) -> str:
    """Format a number of bytes, as '3.2 MB'."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size / 1e3:.3g} kB"


def summary(experiment: Path) -> str:
    """Summarise the disk usage of an experiment, as '12 MB on disk (checkpoints 9 MB, grids 2 MB)'."""
    sizes = usage(experiment)
    parts = ", ".join(f"{kind} {format_bytes(size)}" for kind, size in sizes.items())
    return f"{format_bytes(sum(sizes.values()))} on disk ({parts})"
