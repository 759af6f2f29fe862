"""Follows trials, and logs their rows in one library, in a thread of its own."""

import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue

from bench.errors import reason, warn
from bench.experiment.specification import Trial
from bench.io.files import sha256, write_atomically
from bench.loggers.base import LoggedRun, LoggedTrial, Logger, make_logger, scalars
from bench.store.folders import ExperimentFolder
from bench.store.states import State
from bench.store.trial_folder import TrialFolder
from bench.training.events import Ended, Evaluated, Event, OnEvent, Started

PATIENCE_SECONDS = 30.0  # at the end of a run, for a library that does not answer


@contextmanager
def following(
    names: tuple[str, ...], folder: Path, experiment: ExperimentFolder, trials: list[Trial], todo: list[Trial]
) -> Iterator[OnEvent]:
    """Log `trials` in libraries while they train.

    Args:
        names: of the libraries.
        folder: of logs that go to no server.
        experiment: has the trials' rows.
        trials: all of the experiment.
        todo: those that this run trains. The others are logged at once, if they are not logged yet.

    Yields:
        The function to call with every event of `todo`.
    """
    followers = [Follower(name, folder, experiment, trials) for name in names]
    running = {trial.id for trial in todo}

    def on_event(trial: str, event: Event) -> None:
        if isinstance(event, Started | Evaluated | Ended):
            for follower in followers:
                follower.queue.put((trial, type(event)))

    for follower in followers:
        follower.catch_up([trial for trial in trials if trial.id not in running])
    hurry = True  # an interrupted run does not wait for what is queued
    try:
        yield on_event
        hurry = False
    finally:
        for follower in followers:
            follower.close(hurry)


class Finished:
    """The event of a trial that had ended before this run began."""


Kind = type[Event] | type[Finished]


class Follower:
    """Keeps one library level with the trial folders. It has a thread, so that training never waits for a server.

    The first error of the library is a warning. Logging is tried again at the trial's next event and at the end.
    """

    def __init__(self, name: str, folder: Path, experiment: ExperimentFolder, trials: list[Trial]) -> None:
        self.name, self.folder, self.experiment = name, folder, experiment
        self.trials = {trial.id: trial for trial in trials}
        self.queue: SimpleQueue[tuple[str, Kind] | None] = SimpleQueue()  # trial id, kind of event; None: the end
        self.logger: Logger | None = None  # opened by the thread: a database or a server may take seconds
        self.runs: dict[str, LoggedRun] = {}
        self.behind: dict[str, Kind] = {}  # trials whose last event, of that kind, could not be logged
        self.warned = self.closing = self.hurry = False
        self.handled = 0
        self.thread = threading.Thread(target=self._work, name=f"log-{name}", daemon=True)
        self.thread.start()

    def catch_up(self, trials: list[Trial]) -> None:
        """Log these trials, which have ended, unless a note says that they are logged."""
        for trial in trials:
            self.queue.put((trial.id, Finished))

    def close(self, hurry: bool) -> None:
        """Wait for what is queued while there is progress; with `hurry`, only close what is open."""
        self.hurry, self.closing = hurry, True
        self.queue.put(None)
        handled = -1
        while self.thread.is_alive() and handled != self.handled:
            handled = self.handled
            self.thread.join(PATIENCE_SECONDS)
        if self.thread.is_alive():
            self._warn(f"no answer for {PATIENCE_SECONDS:g} s")

    def _work(self) -> None:
        self._drain()
        for run in self.runs.values():
            with suppress(Exception):
                run.end(State.running)

    def _drain(self) -> None:
        """Handle events until the end, then retry what failed once. During the end, the first failure is the last."""
        while (item := self.queue.get()) and not self.hurry:
            if not self._attempt(*item) and self.closing:
                return
        for item in [] if self.hurry else list(self.behind.items()):
            if not self._attempt(*item):
                return

    def _attempt(self, trial: str, kind: Kind) -> bool:
        try:
            self._follow(self.trials[trial], kind)
        except Exception as error:  # libraries raise anything
            self.runs.pop(trial, None)  # the library is asked again which rows it has
            self.behind[trial] = kind
            self._warn(textwrap.shorten(reason(error), 160, placeholder=" ..."))
            return False
        finally:
            self.handled += 1
        self.behind.pop(trial, None)
        return True

    def _follow(self, trial: Trial, kind: Kind) -> None:
        self.experiment.pull(f"trials/{trial.name}")
        folder = self.experiment.trial(trial.name)
        if kind is Finished and self._noted(trial) == self._digest(folder):
            return
        if kind is Started and trial.id in self.runs:  # its worker was lost, and perhaps its last rows
            self.runs.pop(trial.id).end(State.running)
        run = self.runs.get(trial.id)
        if run is None:
            run = self.runs[trial.id] = self._library().open(LoggedTrial.of(trial, folder))
        for step, row in scalars(folder.rows()).items():
            if step > run.last:
                run.log(step, row)
                run.last = step
        if kind in (Ended, Finished):
            self.runs.pop(trial.id).end(folder.status().state)
            write_atomically(self._note(trial), self._digest(folder).encode())

    def _library(self) -> Logger:
        if self.logger is None:
            self.logger = make_logger(self.name, self.folder)
        return self.logger

    def _note(self, trial: Trial) -> Path:
        """The file that records what was logged of an ended trial. It is inside the library's folder, to go with it."""
        return self.folder / self.name / ".logged" / trial.name

    def _noted(self, trial: Trial) -> str | None:
        return self._note(trial).read_text() if self._note(trial).exists() else None

    def _digest(self, folder: TrialFolder) -> str:
        rows = folder.read("history.parquet") if folder.exists("history.parquet") else b""
        return sha256(self._library().where.encode() + rows)

    def _warn(self, why: str) -> None:
        if not self.warned:
            self.warned = True
            effect = "training goes on, and the same command logs what is missing"
            warn(f"{self.name} does not take all rows ({why}); {effect}")
