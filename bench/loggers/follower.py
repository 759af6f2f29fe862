"""Threads that follow trials and log their rows, one thread per library."""

import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue

from bench.errors import reason, warn
from bench.experiment.specification import Trial
from bench.io.files import sha256, write_atomically
from bench.loggers.base import Log, LoggedRun, LoggedTrial, Logger, grids, make_logger, scalars
from bench.store.folders import ExperimentFolder
from bench.store.states import State
from bench.store.trial_folder import TrialFolder
from bench.training.events import Ended, Evaluated, Event, OnEvent, Started

DIGEST_CHARACTERS = 64
TIMEOUT_SECONDS = 30.0  # at the end of a run, to wait for a library without progress


@contextmanager
def following(log: Log, experiment: ExperimentFolder, trials: list[Trial], todo: list[Trial]) -> Iterator[OnEvent]:
    """Log trials while they train.

    Args:
        log: the libraries and their folder.
        experiment: the folder with the trials' rows.
        trials: all trials of the experiment.
        todo: the trials that this run trains. The others are logged immediately, unless they already have been.

    Yields:
        The function to call with every event of the trials in `todo`.
    """
    followers = [Follower(name, log.folder, experiment, trials) for name in log.names]
    running = {trial.id for trial in todo}

    def on_event(trial: str, event: Event) -> None:
        if isinstance(event, Started | Evaluated | Ended):
            for follower in followers:
                follower.queue.put((trial, type(event)))

    for follower in followers:
        follower.catch_up([trial for trial in trials if trial.id not in running])
    hurry = True  # an interrupted run does not wait for queued events
    try:
        yield on_event
        hurry = False
    finally:
        for follower in followers:
            follower.close(hurry)


def keep_report(log: Log, report: Path) -> None:
    """Give the finished report to every library. One that fails costs a warning."""
    for name in log.names:
        try:
            make_logger(name, log.folder).report(report)
        except Exception as error:  # libraries raise all kinds of exceptions
            why = textwrap.shorten(reason(error), 160, placeholder=" ...")
            warn(f"{name} has not kept the report ({why}); rerunning the command gives it the report again")


class Finished:
    """Stands for the events of a trial that ended before this run began."""


Kind = type[Event] | type[Finished]


class Follower:
    """Keeps one library up to date with the trial folders, in its own thread, so training never waits for a server.

    The library's first error is printed as a warning. Logging is retried at the trial's next event and at the end.
    """

    def __init__(self, name: str, folder: Path, experiment: ExperimentFolder, trials: list[Trial]) -> None:
        self.name, self.folder, self.experiment = name, folder, experiment
        self.trials = {trial.id: trial for trial in trials}
        # Trial id and kind of event; None ends the thread.
        self.queue: SimpleQueue[tuple[str, Kind] | None] = SimpleQueue()
        self.logger: Logger | None = None  # created by the thread, because a database or server may take seconds
        self.runs: dict[str, LoggedRun] = {}
        self.failed: dict[str, Kind] = {}  # trials whose rows could not be logged -> kind of their last event
        self.warned = self.closing = self.hurry = False
        self.handled = 0
        self.thread = threading.Thread(target=self._work, name=f"log-{name}", daemon=True)
        self.thread.start()

    def catch_up(self, trials: list[Trial]) -> None:
        """Log trials that have ended, unless their rows are recorded as logged."""
        for trial in trials:
            self.queue.put((trial.id, Finished))

    def close(self, hurry: bool) -> None:
        """Wait for queued events as long as the thread makes progress. With `hurry`, only close open runs."""
        self.hurry, self.closing = hurry, True
        self.queue.put(None)
        handled = -1
        while self.thread.is_alive() and handled != self.handled:
            handled = self.handled
            self.thread.join(TIMEOUT_SECONDS)
        if self.thread.is_alive():
            self._warn(f"no answer for {TIMEOUT_SECONDS:g} s")

    def _work(self) -> None:
        self._drain()
        for run in self.runs.values():
            with suppress(Exception):
                run.end(State.running)

    def _drain(self) -> None:
        """Handle events until `close`, then retry failed trials once. After `close`, stop at the first failure."""
        while (item := self.queue.get()) and not self.hurry:
            if not self._attempt(*item) and self.closing:
                return
        for item in [] if self.hurry else list(self.failed.items()):
            if not self._attempt(*item):
                return

    def _attempt(self, trial: str, kind: Kind) -> bool:
        try:
            self._follow(self.trials[trial], kind)
        except Exception as error:  # libraries raise all kinds of exceptions
            self.runs.pop(trial, None)  # reopening the run shows which rows the library has
            self.failed[trial] = kind
            self._warn(textwrap.shorten(reason(error), 160, placeholder=" ..."))
            return False
        finally:
            self.handled += 1
        self.failed.pop(trial, None)
        return True

    def _follow(self, trial: Trial, kind: Kind) -> None:
        self.experiment.pull(f"trials/{trial.name}")
        folder = self.experiment.trial(trial.name)
        if kind is Finished and self._noted_digest(trial) == self._digest(folder):
            return
        if kind is Started and trial.id in self.runs:  # its worker was lost, perhaps with its last rows
            self.runs.pop(trial.id).end(State.running)
        run = self.runs.get(trial.id)
        if run is None:
            run = self.runs[trial.id] = self._library().open(LoggedTrial.of(trial, folder))
        for step, row in scalars(folder.rows()).items():
            if step > run.last:
                run.log(step, row, grids(folder, step))
                run.last = step
        if kind in (Ended, Finished):
            self.runs.pop(trial.id).end(folder.status().state)
            write_atomically(self._note(trial), self._digest(folder).encode())

    def _library(self) -> Logger:
        if self.logger is None:
            self.logger = make_logger(self.name, self.folder)
        return self.logger

    def _note(self, trial: Trial) -> Path:
        """The file that records the logged rows of an ended trial. It is deleted together with the library's folder."""
        return self.folder / self.name / ".logged" / trial.name

    def _noted_digest(self, trial: Trial) -> str | None:
        note = self._note(trial)
        if not note.is_file():
            return None
        with note.open("rb") as file:  # no more than a digest: libraries' folders are not checked for large files
            return file.read(DIGEST_CHARACTERS + 1).decode(errors="replace")

    def _digest(self, folder: TrialFolder) -> str:
        rows = folder.read("history.parquet") if folder.exists("history.parquet") else b""
        return sha256(self._library().where.encode() + rows)

    def _warn(self, problem: str) -> None:
        if not self.warned:
            self.warned = True
            effect = "training continues, and rerunning the command logs the missing rows"
            warn(f"{self.name} has not logged all rows ({problem}); {effect}")
