"""Replace a whole folder, so that a killed process leaves the old one or the new one in its place."""

import ctypes
import errno
import os
import shutil
import time
from pathlib import Path

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # of renameat2(2)
UNSUPPORTED = {
    errno.ENOSYS,
    errno.EINVAL,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
}  # by the kernel, or by a network file system
ABANDONED = 3600.0  # seconds after which a temporary folder is not being written any more


def replace_folder(new: Path, target: Path) -> None:
    """Move a complete folder to `target`, and remove the folder that was there.

    Linux exchanges the two names in one step. File systems that cannot, such as NFS, take two renames: a process that
    is killed between them leaves the old folder as `.NAME.*.old` and the new one as it was.

    Raises:
        OSError: it cannot be moved; the old folder is still in its place.
    """
    if not target.exists():
        new.rename(target)
        return
    old = new
    if not exchange(new, target):
        old = new.with_name(f"{new.name}.old")
        target.rename(old)
        try:
            new.rename(target)
        except OSError:
            old.rename(target)
            raise
    shutil.rmtree(old, ignore_errors=True)


def exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders of one file system in one step. False if the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # of the C library of Linux
    if rename is None:
        return False
    if rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(one))


def remove_abandoned(target: Path) -> None:
    """Remove temporary folders beside `target` that killed processes have left: those named `.NAME.*`."""
    for path in target.parent.glob(f".{target.name}.*"):
        if path.is_dir() and time.time() - path.stat().st_mtime > ABANDONED:
            shutil.rmtree(path, ignore_errors=True)
