"""Collect how the trials of a run ended, record endings that workers could not record, and report failures."""

from contextlib import suppress

from bench.errors import RunError, say
from bench.experiment.specification import Trial
from bench.store.documents import Ending, Status
from bench.store.folders import ExperimentFolder
from bench.store.states import State
from bench.store.trial_folder import TrialFolder
from bench.training.events import Ended, Event


class Endings:
    """Collects the endings of trials from their events.

    A worker records the ending of its trial, unless the worker was lost, a scheduler stopped it, or storage failed.
    """

    def __init__(self, folder: ExperimentFolder) -> None:
        self.folder = folder
        self.reported: dict[str, Ended] = {}  # by trial id

    def observe(self, trial: Trial, event: Event) -> None:
        """Remember how a failed or stopped trial ended, and record that it was stopped.

        Failures are recorded after the run: object storage may be down, and then an attempt to write takes a minute,
        in which the scheduler would stand still.
        """
        if isinstance(event, Ended) and event.state in (State.failed, State.stopped):
            self.reported[trial.id] = event
            if event.state is State.stopped:
                self._record(trial, event, TrialFolder(self.folder.trained / trial.name))

    def record_rest(self, trials: list[Trial]) -> None:
        """Record endings that no worker has recorded, also in the copies of the trials on this machine."""
        for trial in trials:
            event = self.reported.get(trial.id)
            if event:
                for parent in dict.fromkeys((self.folder.trained, self.folder.path / "trials")):
                    self._record(trial, event, TrialFolder(parent / trial.name))

    def _record(self, trial: Trial, event: Ended, folder: TrialFolder) -> None:
        with suppress(RunError):  # the disk may still be full; `status` still returns the ending
            if not folder.status().state.has_ended:
                folder.end(trial, Ending(event.state, event.reason))

    def status(self, trial: Trial) -> Status:
        """Return the recorded status of a trial or, if it could not be recorded, the reported one."""
        status = self.folder.trial(trial.name).status()
        event = self.reported.get(trial.id)
        if event is None or status.state.has_ended:
            return status
        return Status(state=event.state, reason=event.reason)

    def report_lost(self, trials: list[Trial]) -> bool:
        """Print why trials failed or diverged, and return whether any did."""
        lost = [(trial, status) for trial in trials if (status := self.status(trial)).state.is_lost]
        if lost:
            say("to retry failed and diverged trials, add --retry-failed to the same command", error=True)
        if any(self.folder.trial(trial.name).is_intact("error.txt") for trial, _ in lost):
            say("tracebacks are in error.txt in the folders of failed trials", error=True)
        for trial, status in lost:
            say(f"error: {trial} {status.state}: {status.reason}", error=True)
        return bool(lost)
