"""Access to experiments from Python: the class that `bench.load` returns."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bench.analysis import frames
from bench.errors import UserError, did_you_mean
from bench.store.folders import ExperimentFolder, TrialFolder
from bench.training.loading import trained_method

if TYPE_CHECKING:
    import torch

    from methods import Method


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
        folder = ExperimentFolder.open(Path(path))
        if plugins:
            from bench.experiment.plugins import install_all

            install_all([Path(plugin) for plugin in plugins])
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
        return trained_method(self._trial(variant, seed), device)

    def _trial(self, variant: str, seed: int) -> TrialFolder:
        trials = self.trials
        matches = trials[(trials["trial"] == variant) | ((trials["variant"] == variant) & (trials["seed"] == seed))]
        if matches.empty:
            seeds = trials.loc[trials["variant"] == variant, "seed"].tolist()
            if seeds:
                raise UserError(f"{variant} has no seed {seed}; its seeds: {', '.join(map(str, seeds))}")
            raise UserError(
                f"the experiment has no variant or trial {variant!r}.{did_you_mean(variant, set(trials['variant']))}"
            )
        return self.folder.trial(matches["folder"].iloc[0])
