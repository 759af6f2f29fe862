"""TensorBoard: one folder per trial in <out>/tensorboard/. To view them: `tensorboard --logdir <out>/tensorboard`.

The log of a killed process may end with an incomplete row, so the log of a resumed trial is rewritten from its rows.
A running TensorBoard reloads it.
"""

import shutil
from pathlib import Path

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


class Run:
    """The log of one trial, initially empty."""

    def __init__(self, folder: Path, trial: LoggedTrial) -> None:
        self.last = -1
        self.parameters = trial.parameters
        if folder.exists():
            shutil.rmtree(folder)
        self.writer = SummaryWriter(str(folder))

    def log(self, step: int, row: dict[str, float]) -> None:
        """Write the numbers of a row."""
        if self.last < 0:
            # SummaryWriter.add_hparams would create a second run. Only the names of the metrics are used.
            for summary in hparams(self.parameters, dict(row))[:2]:
                self.writer._get_file_writer().add_summary(summary)
        for name, value in row.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()

    def end(self, state: State) -> None:
        """Close the files. TensorBoard has no states."""
        del state
        self.writer.close()
