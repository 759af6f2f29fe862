"""The disk usage of an experiment, by kind of file."""

import os
from pathlib import Path

from bench.io.disk import format_bytes
from bench.io.limits import CHECKPOINTS

KIND_OF_FILE = {**dict.fromkeys(CHECKPOINTS, "checkpoints"), "history.parquet": "rows"}
KIND_OF_FOLDER = {"samples": "grids", "extractor": "extractor", "report": "report"}  # of files with other names


def usage(experiment: Path) -> dict[str, int]:
    """Return the bytes of each kind of file (checkpoints, grids, rows, extractor, report, other), largest first."""
    sizes: dict[str, int] = {}
    for folder, _, names in os.walk(experiment):
        parts = Path(folder).relative_to(experiment).parts
        folder_kind = next((KIND_OF_FOLDER[part] for part in parts if part in KIND_OF_FOLDER), "other")
        for name in names:
            kind = KIND_OF_FILE.get(name, folder_kind)
            sizes[kind] = sizes.get(kind, 0) + (Path(folder) / name).lstat().st_blocks * 512
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def summary(experiment: Path) -> str:
    """Summarise the disk usage of an experiment, such as '12 MB on disk (checkpoints 9 MB, grids 2 MB)'."""
    sizes = usage(experiment)
    parts = ", ".join(f"{kind} {format_bytes(size)}" for kind, size in sizes.items())
    return f"{format_bytes(sum(sizes.values()))} on disk ({parts})"
