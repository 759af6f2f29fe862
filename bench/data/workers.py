"""Worker processes for decoding: on all cores, and none that outlives its parent."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def pool_for(chunks: int, in_memory: bool) -> Iterator[Executor]:
    """Processes, because decoding holds Python's lock for much of its time; a thread for what they would not help.

    Whatever interrupts the caller ends them at once, in the middle of what they do.
    """
    workers = min(cores(), chunks)
    if in_memory or workers < 2:
        pool: Executor = ThreadPoolExecutor(1)
    else:
        # Spawned, not forked: this process may have torch's threads.
        pool = ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (os.getpid(),))
    others = active_children()
    with pool:
        try:
            with _interrupts_held():
                for _ in range(workers):
                    pool.submit(int)  # starts a worker
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in active_children():
                if worker not in others:
                    worker.terminate()
            raise


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C comes afterwards; processes that are started inside never hear of it, not even while they start."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(parent: int) -> None:
    """A worker whose parent was killed must not stay."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
