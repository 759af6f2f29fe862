"""Weights & Biases, in its configured mode: WANDB_MODE=offline keeps runs in <out>/wandb/, for `wandb sync`.

The project is WANDB_PROJECT, else "wae-bench"; the group is the experiment's folder. Offline, the library cannot know
which rows it has: an interrupted trial's second offline run repeats all rows, under the same id as its first.
"""

import os
from pathlib import Path

import wandb  # pyright: ignore[reportMissingImports]  # an optional extra

from bench.errors import UserError, reason
from bench.loggers.base import LoggedTrial
from bench.store.states import State


def check() -> None:
    """Refuse to start without a login, which the library would ask for later. The server is not contacted yet."""
    if wandb.setup().settings.mode != "online":
        return
    try:
        known = wandb.login(prompt=False, verify=False)
    except wandb.Error as error:
        raise UserError(f"--log wandb: {reason(error)}") from None
    if not known:
        raise UserError("--log wandb: nobody is logged in; wandb login, or WANDB_MODE=offline to keep runs here")


class Logger:
    """Weights & Biases in its configured mode."""

    def __init__(self, folder: Path) -> None:
        settings = wandb.setup().settings
        self.where = "" if settings.mode == "offline" else settings.base_url
        self.folder = folder

    def open(self, trial: LoggedTrial) -> "Run":
        """Begin or continue the run of a trial."""
        return Run(self.folder, trial)


class Run:
    """One trial's run, found by its id."""

    def __init__(self, folder: Path, trial: LoggedTrial) -> None:
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "wae-bench"),
            group=folder.name,
            id=trial.id,
            name=trial.name,
            config=trial.parameters | {"trial": trial.folder},
            dir=str(folder),
            resume="allow",
            reinit="create_new",  # several trials train at a time
            settings=wandb.Settings(silent=True, console="off"),
        )
        self.last = self.run.step - 1

    def log(self, step: int, row: dict[str, float]) -> None:
        """Send the numbers of a row."""
        self.run.log(row, step=step, commit=True)  # else a row waits for the next one

    def end(self, state: State) -> None:
        """Finish the run; the exit code tells whether the training ended well."""
        self.run.finish(exit_code=int(state not in (State.done, State.stopped)))
