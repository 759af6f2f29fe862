"""One writer at a time in an object store, which has no locks: a lease that its holder keeps renewing.

Best effort: between a look and a write somebody else may write too. Two runs that begin within a second of each other
are told apart by a second look; a run that stood still for longer than PATIENCE loses its lease, says so and stops, but
may have written meanwhile. Trial folders have tokens of their own (`TrialFolder.claim`), which are looked at before
every group of files is written.

No clock is compared with another: a lease is stale that has not changed while somebody watched it.
"""

import _thread
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.errors import RunError, warn
from bench.io.object_store import Remote, StorageError

BEAT = 10.0  # seconds between renewals
PATIENCE = 60.0  # seconds without a renewal after which a lease is stale
SECOND_LOOK = 1.0


@contextmanager
def held(folder: Remote) -> Iterator[None]:
    """Hold the lease of a folder in an object store.

    Raises:
        RunError: somebody else holds it.
    """
    folder.probe()
    lease = Lease(folder / ".lease")
    thread = threading.Thread(target=lease.renew, args=(_thread.interrupt_main,), name="lease", daemon=True)
    try:
        lease.acquire()
        thread.start()
        yield
    finally:
        lease.over.set()
        if thread.ident:
            thread.join(BEAT)
        lease.release()


class Lease:
    """The file that says who holds it, and how often that was renewed."""

    def __init__(self, file: Remote) -> None:
        self.file, self.token, self.beats = file, uuid.uuid4().hex, 0
        self.over = threading.Event()

    def acquire(self) -> None:
        self._wait_for_stale()
        self._write()
        time.sleep(SECOND_LOOK)
        self._refuse_other(self._read())

    def renew(self, stop: Callable[[], None]) -> None:
        """Until released: in a thread. Where somebody else has taken the lease, says so and calls `stop`."""
        while not self.over.wait(BEAT):
            try:
                self._refuse_other(self._read())
                self._write()
            except StorageError:
                continue  # whoever writes results meets it too, and says so
            except RunError as error:
                warn(f"this run has lost its lease, and stops: {error}")
                stop()
                return

    def release(self) -> None:
        try:
            if self._mine(self._read()):
                self.file.remove()
        except StorageError as error:
            warn(f"the lease stays, and the next run waits {PATIENCE:g} s for it: {error}")

    def _wait_for_stale(self) -> None:
        """Return where nobody holds it, or its holder has been silent for PATIENCE seconds."""
        first = self._read()
        if first is None:
            return
        print(f"{_holder(first)}; seeing for up to {PATIENCE:g} s whether that run is alive", flush=True)
        since = time.monotonic()
        while time.monotonic() - since < PATIENCE:
            time.sleep(min(BEAT, PATIENCE) / 4)
            now = self._read()
            if now is None:
                return
            if now != first:
                raise RunError(f"{_holder(now)}; wait for it, or choose another --out")

    def _refuse_other(self, found: bytes | None) -> None:
        if found is not None and not self._mine(found):
            raise RunError(f"{_holder(found)}; wait for it, or choose another --out")

    def _mine(self, found: bytes | None) -> bool:
        return found is not None and self.token.encode() in found

    def _read(self) -> bytes | None:
        try:
            return self.file.read_bytes()
        except FileNotFoundError:
            return None

    def _write(self) -> None:
        self.beats += 1
        said = {"token": self.token, "host": socket.gethostname(), "pid": os.getpid(), "beats": self.beats}
        self.file.write_bytes(json.dumps(said).encode())


def _holder(lease: bytes) -> str:
    try:
        said = json.loads(lease)
        return f"another run holds it: process {int(said['pid'])} on {str(said['host'])[:100]!r}"
    except (ValueError, KeyError, TypeError):
        return "another run holds it"
