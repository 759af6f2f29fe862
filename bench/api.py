"""Access to experiments from Python: the class that `bench.load` returns."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bench.analysis import frames
from bench.data.splits import SPLITS
from bench.errors import UserError, did_you_mean, short, unknown
from bench.reporting.table import Table, as_frame
from bench.runtime.environment import torch_device
from bench.store.folders import ExperimentFolder, TrialFolder
from bench.training.loading import images_of, missing_plugin, trained_method

if TYPE_CHECKING:
    import torch

    from methods import Method


IMAGES_AS_INPUT = "images in [-1, 1] as a float32 tensor; of `data`, write torch.from_numpy(images) / 127.5 - 1"
CODES_AS_INPUT = "codes as a float32 tensor; of an array, write torch.from_numpy(codes).float()"


def _refuse_other_input(needed: str, network: object, inputs: tuple[object, ...]) -> None:
    """Refuse arrays and integers, of which torch's own errors say little."""
    del network
    import torch

    given = inputs[0]
    if not (isinstance(given, torch.Tensor) and given.is_floating_point()):
        kind = f"{type(given).__name__} of {getattr(given, 'dtype', 'no numbers')}"
        raise UserError(f"a trained method takes {needed}; not {kind}")


@dataclass(frozen=True)
class Loaded:
    """An experiment.

    Attributes:
        folder: The experiment's folder.
        rows: A row per evaluation.
        trials: A row per trial. results/README.md describes the columns of both.
    """

    folder: ExperimentFolder
    rows: pd.DataFrame
    trials: pd.DataFrame

    @classmethod
    def open(cls, path: str | Path, plugins: Sequence[str | Path] = ()) -> "Loaded":
        """Open the experiment in a folder; see `bench.load`."""
        if not isinstance(path, str | PathLike):
            raise UserError(f"an experiment is the path of a folder, such as 'results/digits', not {short(path)}")
        files = [plugins] if isinstance(plugins, str | PathLike) else plugins
        if not isinstance(files, Sequence) or not all(isinstance(file, str | PathLike) for file in files):
            raise UserError(f"plugins takes a list of files, such as ['mine.py'], not {short(plugins)}")
        folder = ExperimentFolder.open(Path(path))
        if files:
            from bench.plugins.installation import install_all

            install_all([Path(file) for file in files])
        return cls(folder, frames.rows(folder), frames.trials(folder))

    def method(self, variant: str, seed: int = 0, device: "str | torch.device" = "cpu") -> "Method":
        """Return the trained method of one trial, in evaluation mode, without gradients.

        `sample(n)`, `encode(images)` and `decode(codes)` work on `device`. Images are float32 in [-1, 1]. The weights
        are those of the last checkpoint, even if the trial is unfinished.

        Args:
            variant: Label in the tables, such as "moco" or "mmd[prior=sphere]"; or the id of a trial.
            seed: Seed of the training; ignored if `variant` is the id of a trial.
            device: PyTorch device.

        Raises:
            UserError: There is no such trial, its checkpoint has been removed, or its plug-in is missing.
        """
        trial = self._trial(variant, seed)
        if missing_plugin(trial.trial().spec):
            from bench.plugins.installation import install_all

            install_all()
        method = trained_method(trial, torch_device(device))
        for network, remedy in ((method.encoder, IMAGES_AS_INPUT), (method.decoder, CODES_AS_INPUT)):
            network.register_forward_pre_hook(partial(_refuse_other_input, remedy))
        return method

    def data(self, split: str = "test") -> tuple[np.ndarray, np.ndarray | None]:
        """Return the images of a split, uint8 [n, c, h, w], and their labels, int64 [n], or None if there are none.

        Args:
            split: "train", "validation" or "test". Training images are in a fixed random order.

        Raises:
            UserError: There is no such split, or the prepared images have been removed.
        """
        if split not in SPLITS:
            raise unknown("split", split, SPLITS)
        with images_of(self._trial(self.trials["trial"].iloc[0], 0)) as prepared:
            return prepared.images(split), prepared.labels(split) if prepared.classes else None

    @property
    def headline(self) -> str | None:
        """The column of the distance that the report sorts by, such as "fd_classifier_10k"; None if there is none."""
        from bench.reporting import merge

        return merge.load_one(self.folder).headline

    def table(self, name: str) -> pd.DataFrame:
        """Return a table of the report; a cell is a number (of a mean with its interval, the mean) or a text.

        Args:
            name: "verdict", "generated", ...

        Raises:
            UserError: The report has no such table; the message lists them.
        """
        tables = {table.name: table for table in self._tables()}
        table = tables.get(str(name))
        if table is None:
            raise unknown("table", name, tables)
        return as_frame(table)

    def report(self) -> Path:
        """Build the report, and return the path of its page.

        Raises:
            RunError: It cannot be written.
        """
        from bench.reporting import build

        build.build(self.folder)
        return self.folder.page

    def _tables(self) -> list[Table]:
        from bench.reporting import merge
        from bench.reporting.group_sections import tables

        return tables(merge.load_one(self.folder))

    def _repr_html_(self) -> str:
        """The verdict, the main table and the curves, for a notebook."""
        first = [table for table in self._tables() if table.name in ("verdict", "generated")]
        parts = [f"<h4>{html.escape(table.title)}</h4>{as_frame(table).to_html(index=False)}" for table in first]
        figures = sorted((self.folder.report / "figures").glob("f[di]*.png"))[:1]
        encoded = [base64.b64encode(figure.read_bytes()).decode() for figure in figures]
        return "".join([*parts, *(f'<img src="data:image/png;base64,{each}">' for each in encoded)])

    def _trial(self, variant: str, seed: int) -> TrialFolder:
        trials, name = self.trials, str(variant)  # pandas raises errors of its own for a list
        if name not in {*trials["variant"], *trials["trial"]}:
            from bench.experiment.method_names import with_key

            name = with_key(name)
        mine = trials[trials["variant"] == name]
        matches = pd.concat([trials[trials["trial"] == name], mine[mine["seed"].astype(str) == str(seed)]])
        if matches.empty:
            seeds = mine["seed"].tolist()
            if seeds:
                raise UserError(f"{name} has no seed {short(seed)}; its seeds: {', '.join(map(str, seeds))}")
            near = did_you_mean(name, set(trials["variant"]))
            raise UserError(f"the experiment has no variant or trial {short(variant)}.{near}")
        return self.folder.trial(matches["folder"].iloc[0])
