"""Weights & Biases, in its configured mode. WANDB_MODE=offline keeps runs in <out>/wandb/, for `wandb sync`.

The project is WANDB_PROJECT, or "wae-bench" by default. The group is the name of the experiment's folder. In offline
mode the library cannot report which rows it has, so a resumed trial logs all rows again, under the same run id.
"""

import os
from io import BytesIO
from pathlib import Path

import wandb  # pyright: ignore[reportMissingImports]  # an optional extra
from PIL import Image

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

    def report(self, folder: Path) -> None:
        """Keep the report as an artifact of a run of its own."""
        run = start(self.folder, job_type="report", name="report")
        artifact = wandb.Artifact(f"report-{self.folder.name}", type="report")
        for path in filter(Path.is_file, sorted(folder.rglob("*"))):  # add_dir prints, though told to be silent
            artifact.add_file(str(path), name=path.relative_to(folder).as_posix())
        run.log_artifact(artifact)
        run.finish()


def start(folder: Path, **options: object) -> "wandb.Run":
    """Start a run in the group of an experiment; several may be open at a time."""
    return wandb.init(
        project=os.environ.get("WANDB_PROJECT", "wae-bench"),
        group=folder.name,
        dir=str(folder),
        reinit="create_new",
        settings=wandb.Settings(silent=True, console="off"),
        **options,
    )


class Run:
    """One trial's run, found by its id."""

    def __init__(self, folder: Path, trial: LoggedTrial) -> None:
        config = trial.parameters | {"trial": trial.folder}
        self.run = start(folder, id=trial.id, name=trial.name, config=config, resume="allow")
        self.last = self.run.step - 1

    def log(self, step: int, row: dict[str, float], grids: dict[str, bytes]) -> None:
        """Send the numbers of a row and its grids."""
        pictures = {kind: wandb.Image(Image.open(BytesIO(png))) for kind, png in grids.items()}
        self.run.log(row | pictures, step=step, commit=True)  # send the row now, not with the next one

    def end(self, state: State) -> None:
        """Finish the run. The exit code is 0 if the training is done or was stopped early, else 1."""
        self.run.finish(exit_code=int(state not in (State.done, State.stopped)))
