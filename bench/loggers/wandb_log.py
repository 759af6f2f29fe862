"""Weights & Biases, in its configured mode: WANDB_MODE=offline keeps runs in <out>/wandb/, for `wandb sync`.

The project is WANDB_PROJECT, else "wae-bench"; the group is the experiment's folder. Offline, the library cannot know
what it has: an interrupted trial's second offline run has all rows, under the same id as its first.
"""

import os
from pathlib import Path

import wandb  # pyright: ignore[reportMissingImports]  # an optional extra

from bench.errors import UserError, reason
from bench.loggers import Training


def check() -> None:
    """Refuse what would otherwise ask for a key in the middle of the run. Nothing is asked of the server yet."""
    if wandb.setup().settings.mode != "online":
        return
    try:
        known = wandb.login(prompt=False, verify=False)
    except wandb.Error as error:
        raise UserError(f"--log wandb: {reason(error)}") from None
    if not known:
        raise UserError("--log wandb: nobody is logged in; wandb login, or WANDB_MODE=offline to keep runs here")


class Logger:
    def __init__(self, folder: Path) -> None:
        settings = wandb.setup().settings
        self.where = "" if settings.mode == "offline" else settings.base_url
        self.folder = folder

    def open(self, training: Training) -> "Run":
        return Run(self.folder, training)


class Run:
    def __init__(self, folder: Path, training: Training) -> None:
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "wae-bench"),
            group=folder.name,
            id=training.id,
            name=training.name,
            config=training.parameters | {"trial": training.folder},
            dir=str(folder),
            resume="allow",
            reinit="create_new",  # several trials train at a time
            settings=wandb.Settings(silent=True, console="off"),
        )
        self.last = self.run.step - 1

    def log(self, step: int, row: dict[str, float]) -> None:
        self.run.log(row, step=step, commit=True)  # else a row waits for the next one

    def end(self, state: str) -> None:
        self.run.finish(exit_code=int(state not in ("done", "stopped")))
