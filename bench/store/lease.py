"""One writer at a time in an object store, which has no locks: a lease that its holder keeps renewing.

This is best effort, because another run may write between a read and a write. If two runs start within a second of each
other, reading the lease a second time stops at least one of them. A run that was suspended for longer than PATIENCE
loses its lease and stops with a warning, but may have written in between. Trial folders have tokens of their own
(`TrialFolder.claim`), which are verified before every group of files is written.

Clocks are never compared across machines: a lease is stale if it stays unchanged while another process watches it.
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

from bench.errors import RunError, say, warn
from bench.io.object_store import Remote, StorageError

BEAT = 10.0  # seconds between renewals
PATIENCE = 60.0  # seconds without a renewal after which a lease is stale
SECOND_LOOK = 1.0  # seconds until a new lease is read again


@contextmanager
def held(folder: Remote) -> Iterator[None]:
    """Hold the lease of a folder in an object store.

    Raises:
        RunError: another run holds it, or the store cannot be used.
    """
    folder.probe()
    lease = Lease(folder / ".lease")
    thread = threading.Thread(target=lease.renew, args=(_thread.interrupt_main,), name="lease", daemon=True)
    try:
        lease.acquire()
        thread.start()
        yield
    finally:
        lease.released.set()
        if thread.ident:
            thread.join(BEAT)
        lease.release()


class Lease:
    """A file that names its holder and counts the renewals."""

    def __init__(self, file: Remote) -> None:
        self.file, self.token, self.beats = file, uuid.uuid4().hex, 0
        self.released = threading.Event()

    def acquire(self) -> None:
        """Take the lease; wait for it first if its holder may have died.

        Raises:
            RunError: another run holds it.
        """
        self._wait_for_stale()
        self._write()
        time.sleep(SECOND_LOOK)
        self._refuse_other(self._read())

    def renew(self, stop: Callable[[], None]) -> None:
        """Renew the lease until it is released, in a thread. If another run has taken it, warn and call `stop`."""
        while not self.released.wait(BEAT):
            try:
                self._refuse_other(self._read())
                self._write()
            except StorageError:
                continue  # code that writes results meets the same error, and reports it
            except RunError as error:
                warn(f"this run has lost its lease and stops: {error}")
                stop()
                return

    def release(self) -> None:
        """Remove the lease, if this run still holds it."""
        try:
            if self._is_own(self._read()):
                self.file.remove()
        except StorageError as error:
            warn(f"the lease could not be removed, so the next run waits {PATIENCE:g} s: {error}")

    def _wait_for_stale(self) -> None:
        """Return once there is no lease, or its holder has not renewed it for PATIENCE seconds."""
        first = self._read()
        if first is None:
            return
        say(f"{_holder(first)}; checking for up to {PATIENCE:g} s whether that run is alive")
        start = time.monotonic()
        while time.monotonic() - start < PATIENCE:
            time.sleep(min(BEAT, PATIENCE) / 4)
            content = self._read()
            if content is None:
                return
            if content != first:
                raise RunError(f"{_holder(content)}; wait for it, or choose another --out")

    def _refuse_other(self, content: bytes | None) -> None:
        if content is not None and not self._is_own(content):
            raise RunError(f"{_holder(content)}; wait for it, or choose another --out")

    def _is_own(self, content: bytes | None) -> bool:
        return content is not None and self.token.encode() in content

    def _read(self) -> bytes | None:
        try:
            return self.file.read_bytes()
        except FileNotFoundError:
            return None

    def _write(self) -> None:
        self.beats += 1
        content = {"token": self.token, "host": socket.gethostname(), "pid": os.getpid(), "beats": self.beats}
        self.file.write_bytes(json.dumps(content).encode())


def _holder(content: bytes) -> str:
    try:
        lease = json.loads(content)
        return f"another run uses this experiment: process {int(lease['pid'])} on {str(lease['host'])[:100]!r}"
    except (ValueError, KeyError, TypeError):
        return "another run uses this experiment"
