"""Experiments from Python: what `bench.load` gives."""

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
    """An experiment. `rows`: one an evaluation; `trials`: one a training (columns: results/README.md)."""

    folder: ExperimentFolder
    rows: pd.DataFrame
    trials: pd.DataFrame

    @classmethod
    def open(cls, path: str | Path, plugins: Sequence[str | Path] = ()) -> "Loaded":
        folder = ExperimentFolder.open(Path(path))
        if plugins:
            from bench.experiment import plugins as known

            known.install_all([Path(plugin) for plugin in plugins])
        return cls(folder, frames.rows(folder), frames.trials(folder))

    def method(self, variant: str, seed: int = 0, device: "str | torch.device" = "cpu") -> "Method":
        """The trained method of one trial, in evaluation mode, without gradients.

        `sample(n)`, `encode(images)` and `decode(codes)` work on `device`; images are float32 in [-1, 1]. Weights are
        those of the trial's last checkpoint; of a trial that is not done they are what there is so far.

        Args:
            variant: as in the tables, such as "moco" or "mmd[prior=sphere]"; or a trial's id, which also names a seed.
            seed: of the training.
        Raises:
            UserError: there is no such trial, its checkpoint has been removed, or its plug-in was not given.
        """
        return trained_method(self._find(variant, seed), device)

    def _find(self, variant: str, seed: int) -> TrialFolder:
        trials = self.trials
        mine = trials[(trials["trial"] == variant) | ((trials["variant"] == variant) & (trials["seed"] == seed))]
        if mine.empty:
            seeds = trials.loc[trials["variant"] == variant, "seed"].tolist()
            if seeds:
                raise UserError(f"{variant} has no seed {seed}; there is: {', '.join(map(str, seeds))}")
            raise UserError(f"no trial {variant!r} here.{did_you_mean(variant, set(trials['variant']))}")
        return self.folder.trial(mine["folder"].iloc[0])
