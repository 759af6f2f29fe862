"""Locks between processes: lock files that are never opened through a link."""

import stat
from pathlib import Path

from filelock import FileLock, Timeout

from bench.io.untrusted import Malformed

__all__ = ["Timeout", "file_lock"]


def file_lock(path: Path) -> FileLock:
    """Return the lock at `path`, not yet acquired. The file is created when the lock is acquired.

    A folder from somebody else may hold a link in place of a lock, and old releases of filelock truncate its target.

    Raises:
        Malformed: there is a link, or something else that is no lock file.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return FileLock(path)
    if not stat.S_ISREG(mode):
        raise Malformed(path, f"is a {'link' if stat.S_ISLNK(mode) else 'special file'}, not a lock; remove it")
    return FileLock(path)
