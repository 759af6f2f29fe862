"""Worker processes for decoding: on all cores, and none that outlives its parent."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def pool_for(chunks: int, in_memory: bool) -> Iterator[Executor]:
    """Processes, because decoding holds Python's lock for much of its time; a thread for what they would not help."""
    workers = min(cores(), chunks)
    if in_memory or workers < 2:
        with ThreadPoolExecutor(1) as pool:
            yield pool
        return
    # Spawned, not forked: this process may have torch's threads.
    with ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (os.getpid(),)) as pool:
        yield pool


def _start_worker(parent: int) -> None:
    """Ctrl-C is the parent's to handle, and a worker whose parent was killed must not stay."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
