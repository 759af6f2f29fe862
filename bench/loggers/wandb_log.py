"""Weights & Biases, in its configured mode. WANDB_MODE=offline keeps runs in <out>/wandb/, for `wandb sync`.

The project is WANDB_PROJECT, or "wae-bench" by default. The group is the name of the experiment's folder. In offline
mode the library cannot report which rows it has, so a resumed trial logs all rows again, under the same run id.
"""

import os
from pathlib import Path

import wandb  # pyright: ignore[reportMissingImports]  # an optional extra

from bench.errors import UserError, reason
from bench.loggers.base import LoggedTrial
from bench.store.states import State


def check() -> None:
    """Check that the user is logged in; else the library would ask for it during the run. No server is contacted.

    Raises:
        UserError: nobody is logged in.
    """
    if wandb.setup().settings.mode != "online":
        return
    try:
        logged_in = wandb.login(prompt=False, verify=False)
    except wandb.Error as error:
        raise UserError(f"--log wandb: {reason(error)}") from None
    if not logged_in:
        raise UserError("--log wandb: you are not logged in; run wandb login, or set WANDB_MODE=offline")


class Logger:
    """Weights & Biases in its configured mode."""

    def __init__(self, folder: Path) -> None:
        settings = wandb.setup().settings
        self.where = "" if settings.mode == "offline" else settings.base_url
        self.folder = folder

    def open(self, trial: LoggedTrial) -> "Run":
        """Continue the run of a trial if it exists, else create it."""
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
            reinit="create_new",  # several runs are open at a time
            settings=wandb.Settings(silent=True, console="off"),
        )
        self.last = self.run.step - 1

    def log(self, step: int, row: dict[str, float]) -> None:
        """Send the numbers of a row."""
        self.run.log(row, step=step, commit=True)  # send the row now, not with the next one

    def end(self, state: State) -> None:
        """Finish the run. The exit code is 0 if the training is done or was stopped early, else 1."""
        self.run.finish(exit_code=int(state not in (State.done, State.stopped)))
