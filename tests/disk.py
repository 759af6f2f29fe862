"""A file system with little room."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path


class Disk:
    """A file system of its own, with little room."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self, leave: int = 0) -> None:
        """Take all room but `leave` bytes."""
        free = os.statvfs(self.path)
        with (self.path / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            filler.write(bytes(max(0, free.f_bavail * free.f_frsize - leave)))

    def free(self) -> None:
        """Give the room back."""
        (self.path / "filler").unlink()

    def read_only(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(self.path)], check=True)
