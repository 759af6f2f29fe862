"""What takes room on disk, by kind."""

import os
from pathlib import Path

KINDS = {"checkpoint.pt": "checkpoints", "checkpoint.previous.pt": "checkpoints", "history.parquet": "rows"}
FOLDERS = {"samples": "grids", "extractor": "extractor", "report": "report"}


def size(path: Path) -> int:
    """Bytes that a file, or everything below a folder, takes; 0 for what is not there."""
    if not path.is_dir():
        return path.stat().st_blocks * 512 if path.exists() else 0
    return sum((Path(folder) / name).lstat().st_blocks * 512 for folder, _, names in os.walk(path) for name in names)


def usage(experiment: Path) -> dict[str, int]:
    """Bytes by kind (checkpoints, grids, rows, extractor, report, other) below an experiment's folder."""
    found: dict[str, int] = {}
    for folder, _, names in os.walk(experiment):
        inside = Path(folder).relative_to(experiment).parts
        place = next((FOLDERS[part] for part in inside if part in FOLDERS), "other")
        for name in names:
            kind = KINDS.get(name, place)
            found[kind] = found.get(kind, 0) + (Path(folder) / name).lstat().st_blocks * 512
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def format_bytes(size: int) -> str:
    """'3.2 MB'."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size / 1e3:.3g} kB"


def summary(experiment: Path) -> str:
    """'Disk: 12 MB (checkpoints 9 MB, grids 2 MB, ...)'."""
    found = usage(experiment)
    parts = ", ".join(f"{kind} {format_bytes(size)}" for kind, size in found.items())
    return f"{format_bytes(sum(found.values()))} on disk ({parts})"
