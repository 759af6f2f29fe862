"""What Ray needs of this machine, checked before anything is trained, and without importing Ray."""

import os
import sys
from pathlib import Path

from bench.errors import RunError

# Below Ray's temporary folder; the number of a process has at most 7 digits (pid_max of Linux).
SOCKET = "ray/session_2026-01-01_00-00-00_000000_0000000/sockets/plasma_store"
SOCKET_BYTES = 103 if sys.platform == "darwin" else 107  # of the path of a Unix socket
SERIAL = "use --executor serial"


def check_local_ray() -> None:
    """Check that a Ray cluster can start on this machine.

    Raises:
        RunError: the temporary folder cannot be written, or its path is too long for Ray's sockets.
    """
    folder = Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp")
    way_out = f"set RAY_TMPDIR to another folder, such as /dev/shm, or {SERIAL}"
    nearest = next(place for place in (folder / "ray", folder, *folder.absolute().parents) if place.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        raise RunError(f"Ray cannot write its temporary folder {folder / 'ray'}; {way_out}")
    length = len(os.fsencode(folder.absolute() / SOCKET))
    if length > SOCKET_BYTES:
        problem = f"{length} bytes, more than the {SOCKET_BYTES} that a system allows"
        raise RunError(f"the paths of Ray's sockets in {folder} would have {problem}; {way_out}")
