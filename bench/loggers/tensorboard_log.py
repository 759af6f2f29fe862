"""TensorBoard: one folder a trial in <out>/tensorboard/; `tensorboard --logdir <out>/tensorboard` shows them.

The log of a killed process may end in half a row, so the log of a resumed trial is written again from its rows.
TensorBoard's display notices.
"""

import shutil
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from bench.loggers.base import LoggedTrial
from bench.store.states import State


def check() -> None:
    """Accept: nothing but the library is needed."""


class Logger:
    """Writes to the folder tensorboard/ below the experiment's folder."""

    where = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tensorboard"

    def open(self, trial: LoggedTrial) -> "Run":
        """Begin the log of a trial anew."""
        return Run(self.folder / trial.folder, trial)


class Run:
    """One trial's log, which begins empty."""

    def __init__(self, folder: Path, trial: LoggedTrial) -> None:
        self.last = -1
        self.parameters = trial.parameters
        if folder.exists():
            shutil.rmtree(folder)
        self.writer = SummaryWriter(str(folder))

    def log(self, step: int, row: dict[str, float]) -> None:
        """Write the numbers of a row."""
        if self.last < 0:
            # add_hparams would begin a second run beside this one. It uses only the names of the metrics.
            for summary in hparams(self.parameters, dict(row))[:2]:
                self.writer._get_file_writer().add_summary(summary)
        for name, value in row.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()

    def end(self, state: State) -> None:
        """Close the files. TensorBoard has no states."""
        del state
        self.writer.close()
