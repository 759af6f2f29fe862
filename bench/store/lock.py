"""One writer at a time in an experiment folder."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from bench.errors import RunError, UserError
from bench.io.files import display_path, explain_write_errors, make_folder
from bench.io.locks import Timeout, file_lock
from bench.store import lease
from bench.store.folders import ExperimentFolder


@contextmanager
def locked(folder: ExperimentFolder) -> Iterator[None]:
    """Hold the lock of an experiment, and its lease if it is in an object store.

    If the folder did not exist and nothing was written, it is removed again.

    Raises:
        RunError: another run holds it.
        Malformed: the folder is unsafe to read.
    """
    existed = folder.path.exists()
    make_folder(folder.path)
    lock = file_lock(folder.lock)
    try:
        with explain_write_errors(folder.lock):
            lock.acquire(timeout=0)
    except Timeout:
        message = f"another run is writing to {display_path(folder.path)}; wait for it, or choose another folder"
        raise RunError(message) from None
    try:
        with lease.held(folder.home) if folder.home else nullcontext():
            yield
    finally:
        lock.release()
        if not existed and {path.name for path in folder.path.iterdir()} <= {".lock"}:
            shutil.rmtree(folder.path)


def refuse_other_storage(experiment: ExperimentFolder) -> None:
    """Refuse to continue an experiment with another --storage than it was started with.

    Raises:
        UserError: the trials are in another object store, or on disk.
    """
    description = experiment.description()
    before, now = description and description.storage, experiment.home and experiment.home.identity
    if description and before != now:
        remedy = f"in {before}; give its --storage" if before else "on disk; leave out --storage"
        raise UserError(f"the trials of {display_path(experiment.path)} are {remedy}, or choose another --out")
