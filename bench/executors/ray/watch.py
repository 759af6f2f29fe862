"""Notice when Ray itself ends: without its head or this machine's raylet, a driver waits for ever or aborts."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from bench.errors import RunError, say
from bench.executors.ray.private import raylet_socket
from bench.runtime import signals

CHECK_SECONDS = 2.0
ANSWER_SECONDS = 5.0
MOST_FAILURES = 3  # in a row; a busy machine may miss one
GRACE_SECONDS = 8.0  # to end in order; then the process exits, for Ray may hang in native code
LOST = "trials resume from their last checkpoints; run the same command again to continue"


class Watch(threading.Thread):
    """Checks the head and the raylet until `stop`. `lost` says what is gone; then the main thread is interrupted."""

    def __init__(self, head: str, raylet: str) -> None:
        super().__init__(daemon=True)
        self.head, self.raylet = head, raylet
        self.lost: str | None = None
        self.stopped = threading.Event()

    def run(self) -> None:
        """Check, and if something is gone, interrupt the main thread; end the process if that does not end it.

        A signal to all processes of a job, as SLURM sends it, ends Ray too: that is the user's interruption.
        """
        failures = 0
        while failures < MOST_FAILURES:
            if self.stopped.wait(CHECK_SECONDS):
                return
            problem = self._problem()
            failures = failures + 1 if problem else 0
            if signals.interrupted():
                return
            self.lost = problem if failures == MOST_FAILURES else None
        signals.interrupt_main_thread()
        if not self.stopped.wait(GRACE_SECONDS):
            say(f"error: {self.message}", error=True)
            os._exit(RunError.exit_code)

    @property
    def message(self) -> str:
        """The line for the user."""
        return f"Ray has ended: {self.lost}; {LOST}"

    def stop(self) -> None:
        """End the thread."""
        self.stopped.set()

    def _problem(self) -> str | None:
        host, _, port = self.head.rpartition(":")
        if not _answers(socket.AF_INET6 if ":" in host else socket.AF_INET, (host.strip("[]"), int(port))):
            return f"its head node at {self.head} does not answer"
        if not _answers(socket.AF_UNIX, self.raylet):
            return "the raylet of this machine does not answer"
        return None


def _answers(family: int, address: str | tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS)
        return connection.connect_ex(address) == 0


@contextmanager
def watched() -> Iterator[None]:
    """Watch Ray inside the block.

    Raises:
        RunError: Ray has ended.
    """
    watch = Watch(ray.get_runtime_context().gcs_address, raylet_socket())
    watch.start()
    try:
        yield
    except BaseException as error:  # the interruption, perhaps raised anew by Tune, or whatever Ray raises first
        if watch.lost and isinstance(error, KeyboardInterrupt | Exception):
            raise RunError(watch.message) from error
        raise
    finally:
        watch.stop()
