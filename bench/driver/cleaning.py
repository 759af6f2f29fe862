"""Find and remove files that are not needed, by kind."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.analysis import frames, search
from bench.data.prepared import IN_USE
from bench.errors import UserError, warn
from bench.io import disk
from bench.io.files import Damaged
from bench.io.locks import Timeout, file_lock
from bench.io.untrusted import CHECKPOINTS
from bench.store.folders import ExperimentFolder


@dataclass(frozen=True)
class Removable:
    """A file or folder that can be removed.

    Attributes:
        kind: A key of REMOVABLE.
        path: The file or folder.
        locks: Lock files; a run that uses the path holds one of them.
    """

    kind: str
    path: Path
    locks: tuple[Path, ...]

    def remove(self) -> None:
        """Remove it, with all that it contains."""
        shutil.rmtree(self.path) if self.path.is_dir() else self.path.unlink(missing_ok=True)


def find(results: Path, prepared: Path) -> list[Removable]:
    """List the removable files of experiments and prepared data sets.

    Args:
        results: A folder of experiments, or one experiment.
        prepared: The folder of prepared data sets; it need not exist.
    """
    return [*_in_experiments(_experiments(results)), *_prepared(prepared)]


def total_size(items: Iterable[Removable]) -> int:
    """Return the size on disk, in bytes."""
    return sum(disk.size(item.path) for item in items)


def remove(items: Iterable[Removable]) -> tuple[int, list[str]]:
    """Remove the items that no run uses; return the bytes freed and the folders in which a run is in progress.

    Raises:
        UserError: The operating system does not allow an item to be removed.
    """
    freed, busy = 0, set()
    for item in items:
        try:
            with ExitStack() as stack:
                for lock in item.locks:
                    stack.enter_context(file_lock(lock).acquire(timeout=0))
                freed += disk.size(item.path)
                item.remove()
        except Timeout as error:
            busy.add(str(item.path.parent if IN_USE in error.lock_file else Path(error.lock_file).parent))
        except OSError as error:
            raise UserError(f"cannot remove {item.path}: {error.strerror}") from None
    return freed, sorted(busy)


def _experiments(results: Path) -> list[ExperimentFolder]:
    if not results.is_dir():
        raise UserError(f"there is no folder {results}; name one with --results")
    candidates = [results] if (results / "experiment.yaml").exists() else sorted(results.iterdir())
    candidates = [path for candidate in candidates for path in (candidate, candidate / search.FOLDER)]
    return [ExperimentFolder(path) for path in candidates if (path / "experiment.yaml").exists()]


def _in_experiments(experiments: list[ExperimentFolder]) -> Iterator[Removable]:
    for experiment in experiments:
        for folder in experiment.trials():
            try:
                trial = frames.describe(folder)
            except Damaged as error:
                warn(f"{error}; it is skipped")
                continue
            locks = (experiment.lock,)
            if trial.stale:
                yield Removable("stale", folder.path, locks)
            elif trial.state.is_final:
                paths = [folder.path / name for name in CHECKPOINTS if (folder.path / name).exists()]
                yield from (Removable("checkpoints", path, locks) for path in paths)
                yield from (Removable("previous", path, locks) for path in paths if path.name == CHECKPOINTS[1])


def _prepared(root: Path) -> Iterator[Removable]:
    """Yield prepared sets, with the locks of the runs that are using them."""
    for dataset in sorted(root.iterdir()) if root.is_dir() else []:
        if dataset.is_dir():
            for path in sorted(path for path in dataset.iterdir() if path.is_dir()):
                yield Removable("prepared", path, (dataset / ".lock", *path.glob(f"{IN_USE}/*.lock")))
