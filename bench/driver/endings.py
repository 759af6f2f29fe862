"""How the trials of a run ended: what their own workers could not record is recorded here, and losses are reported."""

import sys
from contextlib import suppress

from bench.errors import RunError
from bench.experiment.specification import Trial
from bench.store.documents import Ending, Status
from bench.store.folders import ExperimentFolder
from bench.store.states import State
from bench.store.trial_folder import TrialFolder
from bench.training.events import Ended, Event


class Endings:
    """Collects the endings that events report.

    A worker records its own trial's ending, unless it was lost, a scheduler stopped it, or its storage failed.
    """

    def __init__(self, folder: ExperimentFolder) -> None:
        self.folder = folder
        self.reported: dict[str, Ended] = {}  # by trial id

    def observe(self, trial: Trial, event: Event) -> None:
        """Record the ending that an event reports, unless the worker has recorded it."""
        if isinstance(event, Ended) and event.state in (State.failed, State.stopped):
            self.reported[trial.id] = event
            self._record(trial, event, TrialFolder(self.folder.trained / trial.name))

    def record_rest(self, trials: list[Trial]) -> None:
        """Record again, on this machine too, what could not be recorded while the trials ran."""
        for trial in trials:
            event = self.reported.get(trial.id)
            if event:
                for parent in dict.fromkeys((self.folder.trained, self.folder.path / "trials")):
                    self._record(trial, event, TrialFolder(parent / trial.name))

    def _record(self, trial: Trial, event: Ended, folder: TrialFolder) -> None:
        with suppress(RunError):  # a disk that is still full; `status` knows the ending all the same
            if not folder.status().state.has_ended:
                folder.end(trial, Ending(event.state, event.reason))

    def status(self, trial: Trial) -> Status:
        """How the trial ended: as recorded or, if that was impossible, as reported."""
        status = self.folder.trial(trial.name).status()
        event = self.reported.get(trial.id)
        if event is None or status.state.has_ended:
            return status
        return Status(state=event.state, reason=event.reason)

    def report_lost(self, trials: list[Trial]) -> bool:
        """Print why trials failed or diverged; returns whether any did."""
        lost = [(trial, status) for trial in trials if (status := self.status(trial)).state.is_lost]
        if lost:
            print("the same command with --retry-failed runs again what failed or diverged", file=sys.stderr)
        if any(self.folder.trial(trial.name).whole("error.txt") for trial, _ in lost):
            print("the tracebacks of failed trials are in their folders, as error.txt", file=sys.stderr)
        for trial, status in lost:
            print(f"error: {trial} {status.state}: {status.reason}", file=sys.stderr)
        return bool(lost)
