"""bench.run --log: every row of every trial, as scalars, in TensorBoard, MLflow or Weights & Biases while trials train.

Each library's own client is used, in the driver, and the same for every executor. Ray Tune's callbacks for the three do
not fit: they log what is reported (which is progress), numbered by the reports of one attempt, under names of Tune's; a
resumed trial is a new run with its rows once more; TensorBoard's files lie in Tune's folder, which is thrown away; an
exception of a tracking server ends the whole run; and without Ray there are none.

What is logged is what stands in the trial folders; events only say when to look there. So a row can come late (a server
that was away, a run that was killed), but neither twice nor never: the same command again logs what is missing.

A scalar's step is its row's, in optimisation steps; epoch, images_seen and train_seconds are scalars beside the others.
"""

import importlib
import json
import math
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

from bench.errors import UserError, reason, unknown
from bench.experiment.trials import Trial
from bench.io.files import sha256, write_atomically
from bench.store.folders import ExperimentFolder, TrialFolder
from bench.training.events import Event, OnEvent

if TYPE_CHECKING:
    import pandas as pd

# What is imported to see whether a library is there. The logger is in a module of this folder: `_module`.
LIBRARIES = {"tensorboard": "torch.utils.tensorboard", "mlflow": "mlflow", "wandb": "wandb"}
PATIENCE_SECONDS = 30.0  # at the end of a run, for a library that does not answer


@dataclass(frozen=True)
class Log:
    """Names of LIBRARIES, and the folder in which logs are kept that go to no server, absolute."""

    names: tuple[str, ...]
    folder: Path


@dataclass(frozen=True)
class Training:
    """What a library is told of a trial. `id` is that of all attempts; another where a trial is trained anew."""

    id: str
    name: str  # label and seed
    folder: str  # the trial folder's name
    parameters: dict[str, Any]


class Run(Protocol):
    """One training in a library. `last`: the step of the last row that it has; -1: none."""

    last: int

    def log(self, step: int, row: dict[str, float]) -> None: ...
    def end(self, state: str) -> None: ...


class Logger(Protocol):
    """A library. `where`: the server, if any, for logs in one are none in another."""

    where: str

    def open(self, training: Training) -> Run:
        """Begin a training's run, or go on with it."""
        ...


def chosen(asked: str | None, folder: Path) -> Log:
    """--log tensorboard,wandb.

    Raises:
        UserError: a name is unknown; a library cannot be imported, or could not be used.
    """
    names = tuple(dict.fromkeys(name.strip() for name in asked.split(","))) if asked else ()
    for name in names:
        if name not in LIBRARIES:
            raise unknown("logger", name, LIBRARIES)
        try:
            importlib.import_module(LIBRARIES[name])
        except Exception as error:  # a broken installation raises anything
            why = f"needs the library {name}, which cannot be imported ({type(error).__name__})"
            raise UserError(f'--log {name} {why}; to install it: pip install -e ".[{name}]"') from None
        _module(name).check()
    return Log(names, folder)


@contextmanager
def following(log: Log, experiment: ExperimentFolder, trials: list[Trial], todo: list[Trial]) -> Iterator[OnEvent]:
    """Log `trials`: those `todo` as the events that are handed over come, the others where they are not logged yet."""
    followers = [Follower(name, log.folder, experiment, trials) for name in log.names]
    running = {trial.id for trial in todo}

    def tell(trial: str, event: Event) -> None:
        if event["kind"] in ("start", "row", "end"):
            for follower in followers:
                follower.queue.put((trial, event["kind"]))

    for follower in followers:
        follower.catch_up([trial for trial in trials if trial.id not in running])
    hurry = True  # an interrupted run does not wait for what lies in the queues
    try:
        yield tell
        hurry = False
    finally:
        for follower in followers:
            follower.close(hurry)


class Follower:
    """Keeps one library level with the trial folders, in a thread of its own: training never waits for a server.

    Whatever a library raises is said once, and tried again at the trial's next event and at the end.
    """

    def __init__(self, name: str, folder: Path, experiment: ExperimentFolder, trials: list[Trial]) -> None:
        self.name, self.folder, self.experiment = name, folder, experiment
        self.trials = {trial.id: trial for trial in trials}
        self.queue: SimpleQueue[tuple[str, str] | None] = SimpleQueue()  # trial id, kind of event; None: the end
        self.logger: Logger | None = None  # opened by the thread: a database or a server may take seconds
        self.runs: dict[str, Run] = {}
        self.behind: dict[str, str] = {}  # trials whose last event, of that kind, failed
        self.warned = self.closing = self.hurry = False
        self.handled = 0
        self.thread = threading.Thread(target=self._work, name=f"log-{name}", daemon=True)
        self.thread.start()

    def catch_up(self, trials: list[Trial]) -> None:
        """Have these, which have ended, logged where that was not noted."""
        for trial in trials:
            self.queue.put((trial.id, "ended"))

    def close(self, hurry: bool) -> None:
        """Wait for what is yet to be logged, as long as it moves; with `hurry`, only end what is open."""
        self.hurry, self.closing = hurry, True
        self.queue.put(None)
        seen = -1
        while self.thread.is_alive() and seen != self.handled:
            seen = self.handled
            self.thread.join(PATIENCE_SECONDS)
        if self.thread.is_alive():
            self._warn(f"no answer for {PATIENCE_SECONDS:g} s")

    def _work(self) -> None:
        self._drain()
        for run in self.runs.values():
            with suppress(Exception):
                run.end("running")

    def _drain(self) -> None:
        """Handle what comes until the end; then once more what failed. At the end, the first failure is the last."""
        while (item := self.queue.get()) and not self.hurry:
            if not self._attempt(*item) and self.closing:
                return
        for item in [] if self.hurry else list(self.behind.items()):
            if not self._attempt(*item):
                return

    def _attempt(self, trial: str, kind: str) -> bool:
        try:
            self._follow(self.trials[trial], kind)
        except Exception as error:  # libraries raise whatever they like
            self.runs.pop(trial, None)  # what has arrived is asked anew
            self.behind[trial] = kind
            self._warn(textwrap.shorten(reason(error), 160, placeholder=" ..."))
            return False
        finally:
            self.handled += 1
        self.behind.pop(trial, None)
        return True

    def _follow(self, trial: Trial, kind: str) -> None:
        self.experiment.pull(f"trials/{trial.name}")
        folder = self.experiment.trial(trial.name)
        if kind == "ended" and self._noted(trial) == self._state(folder):
            return
        if kind == "start" and trial.id in self.runs:  # its worker was lost, and perhaps its last rows
            self.runs.pop(trial.id).end("running")
        run = self.runs.get(trial.id)
        if run is None:
            run = self.runs[trial.id] = self._library().open(_training(trial, folder))
        for step, row in scalars(folder.rows()).items():
            if step > run.last:
                run.log(step, row)
                run.last = step
        if kind in ("end", "ended"):
            self.runs.pop(trial.id).end(folder.status()["state"])
            write_atomically(self._note(trial), self._state(folder).encode())

    def _library(self) -> Logger:
        if self.logger is None:
            logger: Logger = _module(self.name).Logger(self.folder)
            self.logger = logger
        return self.logger

    def _note(self, trial: Trial) -> Path:
        """Where it is noted what was logged of an ended trial; inside the library's own folder, to go with it."""
        return self.folder / self.name / ".logged" / trial.name

    def _noted(self, trial: Trial) -> str | None:
        return self._note(trial).read_text() if self._note(trial).exists() else None

    def _state(self, folder: TrialFolder) -> str:
        rows = folder.read("history.parquet") if folder.exists("history.parquet") else b""
        return sha256(self._library().where.encode() + rows)

    def _warn(self, why: str) -> None:
        if not self.warned:
            self.warned = True
            effect = "training goes on, and the same command logs what is missing"
            print(f"warning: {self.name} does not take all rows ({why}); {effect}", file=sys.stderr, flush=True)


def _module(name: str) -> Any:
    return importlib.import_module(f"bench.loggers.{name}_log")  # a module called mlflow would hide the library


def scalars(rows: "pd.DataFrame") -> dict[int, dict[str, float]]:
    """The numbers of `rows` by step, without those that are missing.

    A training's last step has two rows, of the curve and of the table, which are one here: of what both have (the
    clock), the curve's.
    """
    if rows.empty:
        return {}
    numbers = rows.select_dtypes("number").groupby("step").first()
    found = zip(numbers.index, numbers.to_dict("records"), strict=True)
    return {
        int(step): {str(name): float(value) for name, value in row.items() if not math.isnan(value)}
        for step, row in found
    }


def _training(trial: Trial, folder: TrialFolder) -> Training:
    spec = trial.spec
    first = next(iter(folder.status()["attempts"]), {})
    id = sha256(json.dumps([trial.id, *(first.get(key) for key in ("started", "host", "pid"))]).encode())[:16]
    parameters = {key: spec[key] for key in ("method", "prior", "learning_rate", "seed")} | spec["hyperparameters"]
    return Training(id, f"{trial.label} s{spec['seed']}", trial.name, parameters)
