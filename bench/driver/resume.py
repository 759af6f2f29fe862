"""A new command meets an experiment's folder: what is done, what is to do, and whether the two belong together."""

from enum import StrEnum
from typing import Any

from bench.analysis.protocols import difference
from bench.errors import UserError
from bench.experiment.trials import Trial, other_source
from bench.io.files import Damaged
from bench.io.untrusted import CHECKPOINTS
from bench.store.folders import FINAL, LOST, ExperimentFolder, TrialFolder, foreign


class Action(StrEnum):
    """What a run does about a trial."""

    train = "train"
    resume = "resume"
    retrain = "train again"
    done = "done already"
    lost = "failed or diverged before"
    stale = "stale"

    @property
    def runs(self) -> bool:
        return self in (Action.train, Action.resume, Action.retrain)


def action(
    trial: Trial, experiment: ExperimentFolder, force: bool, retrain_stale: bool, retry_failed: bool = False
) -> Action:
    """What a run does about `trial`, from what its folder holds."""
    folder = experiment.trial(trial.name)
    if not folder.exists("spec.json"):
        # A checkpoint without it may be of any source: the trial was being removed when that was interrupted.
        return Action.retrain if any(map(folder.exists, CHECKPOINTS)) else Action.train
    document, status = _document(trial, folder), folder.status()
    if force or document is None:
        return Action.retrain
    ended = status["state"] in (*FINAL, *LOST)
    if foreign(document, status):
        return Action.retrain if retrain_stale else Action.stale
    if other_source(trial, document):
        # What an older source began, a newer one must not finish.
        return Action.stale if ended and not retrain_stale else Action.retrain
    if status["state"] in LOST:
        return Action.resume if retry_failed else Action.lost
    # The rows of a finished trial are also in its checkpoint: resuming it writes them again.
    return Action.done if ended and not folder.rows_damaged() else Action.resume


def _document(trial: Trial, folder: TrialFolder) -> dict[str, Any] | None:
    """What spec.json says, or said before it was damaged; None where that cannot be known.

    Raises:
        Damaged: it was copied without its checksum.
    """
    try:
        return folder.spec()
    except Damaged as error:
        if not error.repairable:
            raise
        return trial.document if folder.wrote(trial.document) else None


def mend(trial: Trial, experiment: ExperimentFolder) -> list[str]:
    """Write again what is damaged in the folder of `trial`, as far as it is known; warnings."""
    folder = experiment.trial(trial.name)
    if not folder.exists("spec.json"):
        return []
    document = _document(trial, folder)
    if document is None:
        unknown = "what it was trained with cannot be known; it is trained again from the start"
        return [f"{trial.name}/spec.json is damaged, so that {unknown}"]
    return folder.mend(document)


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
            **({"storage": experiment.home.identity} if experiment.home else {}),
            "protocol": trials[0].protocol | {"extractor_sha256": extractor_sha256},
        }
    )
