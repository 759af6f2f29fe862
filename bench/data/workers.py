"""Worker processes for decoding: on all cores that may be used, and never outliving their parent."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context

from bench.runtime import signals
from bench.runtime.allowance import allowance

DECODER_BYTES = 500_000_000  # resident in one process, with a large photograph and its chunk


def decoders() -> int:
    """Return the number of processes that decode at a time."""
    return allowance().at_once(cpus=1, memory=DECODER_BYTES)


@contextmanager
def worker_pool(chunks: int, in_memory: bool) -> Iterator[Executor]:
    """Open a pool of processes, because decoding holds Python's global lock for much of its time.

    If the caller raises, the processes are terminated at once.

    Args:
        chunks: the number of tasks; one task runs in a thread.
        in_memory: whether images need no decoding, so that one thread is enough.
    """
    workers = min(decoders(), chunks)
    if in_memory or workers < 2:
        pool: Executor = ThreadPoolExecutor(1)
    else:
        # Spawned, not forked, because torch may have started threads in this process.
        pool = ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (os.getpid(),))
    others = active_children()
    with pool:
        try:
            with _interrupts_blocked():
                for _ in range(workers):
                    pool.submit(int)  # starts a worker
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in active_children():
                if worker not in others:
                    worker.kill()
            raise


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Delay Ctrl-C and SIGTERM until the end. Processes started inside inherit this: only their parent stops them.

    A terminal, SLURM and `timeout` signal the whole process group; a worker that died first would be taken for a crash.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signals.HANDLED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _start_worker(parent: int) -> None:
    """Make a worker exit if its parent is killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
