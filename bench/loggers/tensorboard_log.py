"""TensorBoard: <out>/tensorboard/, a folder a trial; `tensorboard --logdir <out>/tensorboard` shows it.

A log that was begun by a process that was killed may end in half a row, so a resumed trial's is written again from its
rows. TensorBoard's display notices.
"""

import shutil
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from bench.loggers import Training


def check() -> None:
    """Nothing more than the library is needed."""


class Logger:
    where = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tensorboard"

    def open(self, training: Training) -> "Run":
        return Run(self.folder / training.folder, training)


class Run:
    def __init__(self, folder: Path, training: Training) -> None:
        self.last = -1
        self.parameters = training.parameters
        if folder.exists():
            shutil.rmtree(folder)
        self.writer = SummaryWriter(str(folder))

    def log(self, step: int, row: dict[str, float]) -> None:
        if self.last < 0:
            # add_hparams would begin a second run beside this one. Of the metrics only the names are used.
            for summary in hparams(self.parameters, dict(row))[:2]:
                self.writer._get_file_writer().add_summary(summary)
        for name, value in row.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()

    def end(self, state: str) -> None:
        del state  # TensorBoard knows none
        self.writer.close()
