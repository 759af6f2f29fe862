"""The data that logging libraries receive, and the interfaces that their modules implement."""

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


GRIDS = ("samples", "reconstructions", "interpolations")
CONSTANTS = ("parameters", "sampling_seed", "extractor_accuracy")


@dataclass(frozen=True)
class Log:
    """The argument of --log, parsed.

    Attributes:
        names: names of the libraries.
        folder: absolute path of the folder for logs that are not sent to a server.
    """

    names: tuple[str, ...]
    folder: Path


@dataclass(frozen=True)
class LoggedTrial:
    """The description of a trial that a library receives.

    Attributes:
        id: shared by all attempts of one training. A trial that is retrained from the start gets a new id.
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
        """Describe a trial. The id depends on its first attempt, so retraining from the start changes it."""
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
    """One training in a library.

    Attributes:
        last: the step of the last logged row; -1 if there is none.
    """

    last: int

    def log(self, step: int, row: dict[str, float], grids: dict[str, bytes]) -> None:
        """Log the numbers of a row, and the grids of that step: kind of picture -> PNG."""
        ...

    def end(self, state: State) -> None:
        """Close the run. `running` means that the training was interrupted."""
        ...


class Logger(Protocol):
    """A library.

    Attributes:
        where: URL of its server, or "". It is recorded, because each server has its own logs.
    """

    where: str

    def open(self, trial: LoggedTrial) -> LoggedRun:
        """Open the run of a training: continue it if it exists, else create it."""
        ...

    def report(self, folder: Path) -> None:
        """Keep the report in this folder as an artifact, if the library has artifacts."""
        ...


class LoggerModule(Protocol):
    """A module `bench.loggers.<name>_log`."""

    Logger: type[Logger]

    def check(self) -> None:
        """Check that the library can be used.

        Raises:
            UserError: it cannot; the message says what to do.
        """
        ...


def module_of(name: str) -> LoggerModule:
    """Import the logger of a library. Its name ends in _log, so that it does not shadow the library."""
    return cast("LoggerModule", importlib.import_module(f"bench.loggers.{name}_log"))


def make_logger(name: str, folder: Path) -> Logger:
    """Create the logger of a library. Its local files, if any, are in `folder`."""
    return module_of(name).Logger(folder)  # pyright: ignore[reportCallIssue]


def is_constant(name: str) -> bool:
    """Whether a column does not change during a training: counts, floors, values of real images and of the prior."""
    return name in CONSTANTS or name.startswith("n_") or name.endswith(("_floor", "_real", "_prior"))


def grids(folder: TrialFolder, step: int) -> dict[str, bytes]:
    """Return the grids of images of a step: kind -> PNG. Missing and damaged ones are left out."""
    found = {kind: folder.read_if_intact(f"samples/{kind}-{step:08d}.png") for kind in GRIDS}
    return {kind: png for kind, png in found.items() if png}


def scalars(rows: "pd.DataFrame") -> dict[int, dict[str, float]]:
    """Return the numbers of `rows` by step, without missing values and without constants (`is_constant`).

    The last step of a training has two rows: one of the training curve and the final row. They are merged; the curve's
    row takes precedence.
    """
    if rows.empty:
        return {}
    numbers = rows.select_dtypes("number").groupby("step").first()
    records = zip(numbers.index, numbers.to_dict("records"), strict=True)
    return {
        int(step): {
            str(name): float(value) for name, value in row.items() if not (math.isnan(value) or is_constant(str(name)))
        }
        for step, row in records
    }
