"""Find and remove files that are not needed, by kind."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.analysis import frames
from bench.data import removal
from bench.errors import UserError, reason, warn
from bench.io import disk
from bench.io.files import Damaged
from bench.io.limits import CHECKPOINTS
from bench.io.locks import Timeout, file_lock
from bench.store.folders import SEARCH, ExperimentFolder


@dataclass(frozen=True)
class Removable:
    """A file or folder that can be removed.

    Attributes:
        kind: A key of REMOVABLE.
        path: The file or folder.
        owner: The experiment or data set that contains it.
    """

    kind: str
    path: Path
    owner: Path

    def remove(self) -> None:
        """Remove it, with all that it contains, but without following links.

        Raises:
            Timeout: A run uses it.
            OSError: The operating system does not allow it.
        """
        if self.kind == "prepared":
            removal.remove(self.path)
            return
        with file_lock(self.owner / ".lock").acquire(timeout=0):
            is_folder = self.path.is_dir() and not self.path.is_symlink()
            shutil.rmtree(self.path) if is_folder else self.path.unlink(missing_ok=True)


def find(results: Path, prepared: Path) -> list[Removable]:
    """List the removable files of experiments and prepared data sets.

    Args:
        results: A folder of experiments, or one experiment.
        prepared: The folder of prepared data sets; it need not exist.
    """
    sets = (Removable("prepared", path, path.parent) for path in removal.prepared_sets(prepared))
    return [*_in_experiments(_experiments(results)), *sets]


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
            size = disk.size(item.path)
            item.remove()
            freed += size
        except Timeout:
            busy.add(str(item.owner))
        except OSError as error:
            raise UserError(f"cannot remove {item.path}: {reason(error)}") from None
    return freed, sorted(busy)


def _experiments(results: Path) -> list[ExperimentFolder]:
    if not results.is_dir():
        raise UserError(f"there is no folder {results}; name one with --results")
    candidates = [results]
    if not (results / "experiment.yaml").exists():
        candidates = [path for path in sorted(results.iterdir()) if not _is_link(path)]
    candidates = [path for candidate in candidates for path in (candidate, candidate / SEARCH)]
    return [ExperimentFolder(path) for path in candidates if (path / "experiment.yaml").exists()]


def _is_link(path: Path) -> bool:
    if path.is_symlink() and (path / "experiment.yaml").exists():
        warn(f"{path} is a link; it is skipped (to clean its target, name that with --results)")
    return path.is_symlink()


def _in_experiments(experiments: list[ExperimentFolder]) -> Iterator[Removable]:
    for experiment in experiments:
        for folder in experiment.trials():
            try:
                trial = frames.describe(folder)
            except Damaged as error:
                warn(f"{error}; it is skipped")
                continue
            owner = experiment.path
            if trial.stale:
                yield Removable("stale", folder.path, owner)
            elif trial.state.is_final:
                paths = [folder.path / name for name in CHECKPOINTS if (folder.path / name).exists()]
                yield from (Removable("checkpoints", path, owner) for path in paths)
                yield from (Removable("previous", path, owner) for path in paths if path.name == CHECKPOINTS[1])
