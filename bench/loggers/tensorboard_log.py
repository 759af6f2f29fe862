"""TensorBoard: one folder per trial in <out>/tensorboard/. To view them: `tensorboard --logdir <out>/tensorboard`.

The log of a killed process may end with an incomplete row, so the log of a resumed trial is rewritten from its rows.
A running TensorBoard reloads it.
"""

import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from bench.loggers.base import LoggedTrial
from bench.store.states import State


def check() -> None:
    """Do nothing: the library needs no further setup."""


class Logger:
    """Writes to the folder tensorboard/ below the experiment's folder."""

    where = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tensorboard"

    def open(self, trial: LoggedTrial) -> "Run":
        """Replace the log of a trial by an empty one."""
        return Run(self.folder / trial.folder, trial)

    def report(self, folder: Path) -> None:
        """Do nothing: TensorBoard has no artifacts."""


class Run:
    """The log of one trial, initially empty."""

    def __init__(self, folder: Path, trial: LoggedTrial) -> None:
        self.last = -1
        self.parameters = trial.parameters
        if folder.exists():
            shutil.rmtree(folder)
        self.writer = SummaryWriter(str(folder))

    def log(self, step: int, row: dict[str, float], grids: dict[str, bytes]) -> None:
        """Write the numbers of a row and its grids."""
        if self.last < 0:
            # SummaryWriter.add_hparams would create a second run. Without the first summary, which lists the
            # hyperparameters of one trial as those of all, the tab collects those of every method.
            _, start, end = hparams(self.parameters, {})
            for summary in (start, end):
                self.writer._get_file_writer().add_summary(summary)
        for name, value in row.items():
            self.writer.add_scalar(name, value, step)
        for kind, png in grids.items():
            self.writer.add_image(kind, np.asarray(Image.open(BytesIO(png)).convert("RGB")), step, dataformats="HWC")
        self.writer.flush()

    def end(self, state: State) -> None:
        """Close the files. TensorBoard has no states."""
        del state
        self.writer.close()
