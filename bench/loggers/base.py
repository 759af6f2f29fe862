"""What a logging library is given, and the two interfaces that its module implements."""

import importlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from bench.experiment.specification import Trial
from bench.io.files import sha256
from bench.io.schema import Value
from bench.store.states import State
from bench.store.trial_folder import TrialFolder

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LoggedTrial:
    """What a library is told about a trial.

    Attributes:
        id: shared by all attempts; a trial that is trained anew gets another one.
        name: label and seed.
        folder: the name of the trial folder.
        parameters: method, prior, learning rate, seed and hyperparameters.
    """

    id: str
    name: str
    folder: str
    parameters: dict[str, Value]

    @classmethod
    def of(cls, trial: Trial, folder: TrialFolder) -> "LoggedTrial":
        """Describe a trial. Its first attempt tells one training of it from another."""
        spec, attempts = trial.spec, folder.status().attempts
        first = [attempts[0].started, attempts[0].host, attempts[0].pid] if attempts else [None, None, None]
        id = sha256(json.dumps([trial.id, *first]).encode())[:16]
        parameters: dict[str, Value] = {
            "method": spec.method,
            "prior": spec.prior,
            "learning_rate": spec.learning_rate,
            "seed": spec.seed,
        }
        return cls(id, f"{trial.label} s{spec.seed}", trial.name, parameters | spec.hyperparameters)


class LoggedRun(Protocol):
    """One training in a library. last: the step of its last row; -1 if it has none."""

    last: int

    def log(self, step: int, row: dict[str, float]) -> None:
        """Log the numbers of a row."""
        ...

    def end(self, state: State) -> None:
        """Close the run. `running` means that the training was interrupted."""
        ...


class Logger(Protocol):
    """A library. where: its server, if it has one, because logs on one server are not on another."""

    where: str

    def open(self, trial: LoggedTrial) -> LoggedRun:
        """Begin a training's run, or continue it."""
        ...


class LoggerModule(Protocol):
    """A module `bench.loggers.<name>_log`."""

    Logger: type[Logger]

    def check(self) -> None:
        """Refuse to start if the library could not be used.

        Raises:
            UserError: the message says what to do.
        """
        ...


def module_of(name: str) -> LoggerModule:
    """Import the module of a library. Its name has a suffix, because a module called mlflow would hide the library."""
    return cast("LoggerModule", importlib.import_module(f"bench.loggers.{name}_log"))


def make_logger(name: str, folder: Path) -> Logger:
    """Open a library; its files, if it has any, are below `folder`."""
    return module_of(name).Logger(folder)  # pyright: ignore[reportCallIssue]


def scalars(rows: "pd.DataFrame") -> dict[int, dict[str, float]]:
    """Return the numbers of `rows` by step, without missing ones.

    A training's last step has two rows, one of the curve and one of the table. They become one; where both have a value
    (the clock), the curve's is taken.
    """
    if rows.empty:
        return {}
    numbers = rows.select_dtypes("number").groupby("step").first()
    records = zip(numbers.index, numbers.to_dict("records"), strict=True)
    return {
        int(step): {str(name): float(value) for name, value in row.items() if not math.isnan(value)}
        for step, row in records
    }
