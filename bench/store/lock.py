"""One writer at a time in an experiment folder."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from filelock import FileLock, Timeout

from bench.errors import RunError, UserError
from bench.io.files import make_folder, shown, writing
from bench.store import lease
from bench.store.folders import ExperimentFolder


@contextmanager
def alone(folder: ExperimentFolder) -> Iterator[None]:
    """Hold the experiment's lock, and its lease at home; where nothing has come of it, leave no folder behind.

    Raises:
        RunError: somebody else holds it.
    """
    existed = folder.path.exists()
    make_folder(folder.path)
    lock = FileLock(folder.lock)
    try:
        with writing(folder.lock):
            lock.acquire(timeout=0)
    except Timeout:
        message = f"another run is writing to {shown(folder.path)}; wait for it, or choose another folder"
        raise RunError(message) from None
    try:
        with lease.held(folder.home) if folder.home else nullcontext():
            yield
    finally:
        lock.release()
        if not existed and {path.name for path in folder.path.iterdir()} <= {".lock"}:
            shutil.rmtree(folder.path)


def refuse_other_storage(experiment: ExperimentFolder) -> None:
    """UserError where the folder's trials live in another object store than they would now, or in none."""
    description = experiment.description()
    before, now = description and description.storage, experiment.home and experiment.home.identity
    if description and before != now:
        there = f"in {before}; give --storage that" if before else "here; leave out --storage"
        raise UserError(f"the trials of {shown(experiment.path)} are {there}, or choose another --out")
