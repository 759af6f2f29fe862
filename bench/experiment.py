"""A new command meets an experiment's folder: what is done, what is to do, and whether the two belong together."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from filelock import FileLock, Timeout

from bench.errors import RunError, UserError
from bench.files import make_folder, shown, writing
from bench.protocols import difference
from bench.store import FINAL, ExperimentFolder
from bench.trials import Trial, is_stale


class Action(StrEnum):
    """What a run does about a trial."""

    train = "train"
    resume = "resume"
    retrain = "train again"
    done = "done already"
    stale = "stale"

    @property
    def runs(self) -> bool:
        return self in (Action.train, Action.resume, Action.retrain)


@contextmanager
def alone(folder: ExperimentFolder) -> Iterator[None]:
    """Hold the experiment's lock; where nothing has come of it, leave no folder behind.

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
        yield
    finally:
        lock.release()
        if not existed and {path.name for path in folder.path.iterdir()} <= {".lock"}:
            shutil.rmtree(folder.path)


def action(trial: Trial, experiment: ExperimentFolder, force: bool, retrain_stale: bool) -> Action:
    """What a run does about `trial`, from what its folder holds."""
    folder = experiment.trial(trial.name)
    if not folder.exists("spec.json"):
        return Action.train
    if force:
        return Action.retrain
    final = folder.status()["state"] in FINAL
    if is_stale(trial, folder):
        # What an older source began, a newer one must not finish.
        return Action.stale if final and not retrain_stale else Action.retrain
    # The rows of a finished trial are also in its checkpoint: resuming it writes them again.
    return Action.done if final and not folder.rows_damaged() else Action.resume


def refuse_other_protocol(experiment: ExperimentFolder, trial: Trial) -> None:
    """UserError, with the difference, where the folder's trials follow another protocol than `trial`."""
    before = dict(experiment.description().get("protocol", {}))
    before.pop("extractor_sha256", None)
    found = difference(before, trial.protocol) if before else None
    if found:
        raise UserError(f"{experiment.path} holds another protocol: {found}; choose another --out")


def describe(
    experiment: ExperimentFolder, trials: list[Trial], seeds: int, command: str, extractor_sha256: str, skipped: int
) -> None:
    """Keep experiment.yaml: what was asked so far, under which protocol, by which commands.

    skipped: images of the data set that could not be used.
    """
    before = experiment.description()
    labels = [trial.label for trial in trials]
    experiment.describe(
        {
            "commands": list(dict.fromkeys([*before.get("commands", []), command])),
            "methods": list(dict.fromkeys([*before.get("methods", []), *labels])),
            "seeds": max(before.get("seeds", 0), seeds),
            "skipped_images": skipped,
            "protocol": trials[0].protocol | {"extractor_sha256": extractor_sha256},
        }
    )
