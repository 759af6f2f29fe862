"""Sizes on disk."""

import os
from pathlib import Path


def size(path: Path) -> int:
    """Return the bytes that a file, or a folder with its content, takes on disk; 0 if it does not exist."""
    if not path.is_dir():
        return path.stat().st_blocks * 512 if path.exists() else 0
    return sum((Path(folder) / name).lstat().st_blocks * 512 for folder, _, names in os.walk(path) for name in names)


def format_bytes(size: int) -> str:
    """Format a number of bytes, such as '3.2 MB'."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size / 1e3:.3g} kB"
