"""What one report compares: the trials of one protocol, out of one experiment or of several from different machines."""

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bench.analysis import across_seeds, convergence, frames, significance
from bench.experiment import labels
from bench.store.documents import Description
from bench.store.folders import ExperimentFolder
from bench.store.trial_folder import TrialFolder

MOST_SHOWN = 16  # variants in a figure: more lines cannot be told apart


@dataclass(frozen=True)
class Group:
    """`trials` and `rows` as of `bench.analysis.frames`, rows of different protocols in columns of their own."""

    name: str
    folders: list[ExperimentFolder]
    trials: pd.DataFrame
    rows: pd.DataFrame
    description: Description
    unlike: str = ""  # why it was not merged with another

    @cached_property
    def summary(self) -> pd.DataFrame:
        return across_seeds.summarise(self.rows, self.trials)

    @cached_property
    def last(self) -> pd.DataFrame:
        """`statistics.last_rows`: one row a finished trial."""
        return across_seeds.last_rows(self.rows, self.trials)

    @cached_property
    def fresh(self) -> pd.DataFrame:
        """The rows, but those of stale trials; where all are, without what was measured, as if nothing had been."""
        fresh = self.rows[self.rows["trial"].isin(self.trials.loc[~self.trials["stale"].astype(bool), "trial"])]
        return fresh if len(fresh) else fresh[frames.KEYS]

    @cached_property
    def headline(self) -> str | None:
        """The distance that methods are compared by; None where nothing was measured."""
        return next(iter(across_seeds.distances(self.fresh)), None) if len(self.fresh) else None

    @cached_property
    def curve(self) -> str | None:
        """The distance that was measured most often: all along the training."""
        found = across_seeds.distances(self.fresh)
        return max(found, key=lambda column: self.fresh[column].count(), default=None)

    @cached_property
    def shown(self) -> list[str]:
        """The variants that figures show, best first: all, or, of many, the best of each method and prior."""
        if len(self.summary) <= MOST_SHOWN:
            return list(self.summary["variant"])
        return list(self.summary.drop_duplicates(["method", "prior"])["variant"])

    @property
    def dataset(self) -> str:
        return self.description.protocol.dataset.name

    @property
    def protocol(self) -> str:
        """What all trials share, in a line: 'digits 8x8x1, small network of width 32, latent 8, 30 epochs, ...'."""
        protocol = self.description.protocol
        images, network, training = protocol.preprocessing, protocol.network, protocol.training
        said = [self.dataset]
        if images:
            said[0] += f" {images.image_size}x{images.image_size}x{images.channels}"
        if network:
            said.append(f"{network.name} network of width {network.width}, latent {network.latent_dim}")
        if training:
            subset = f" of {training.train_images:,} images" if training.train_images else ""
            said.append(f"{training.epochs} epochs{subset}")
            said.append(f"batch {training.batch_size}, {training.schedule} schedule, {training.precision}")
        return ", ".join(said)

    def values(self, column: str) -> dict[str, list[float]]:
        """The column's value of every finished seed, by variant, in the order of the summary; finite ones only."""
        if self.last.empty or column not in self.last:
            return {}
        found: dict[str, list[float]] = {variant: [] for variant in self.summary["variant"]}
        for variant, value in zip(self.last["variant"], self.last[column].tolist(), strict=True):
            if math.isfinite(value):
                found[variant].append(value)
        return {variant: values for variant, values in found.items() if values}

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """`comparison.pairwise` of the headline distance, best variants first."""
        return significance.pairwise(self.values(self.headline)) if self.headline else pd.DataFrame()

    @cached_property
    def target(self) -> convergence.Target | None:
        """Of the curve's distance: the protocol's, or one taken afterwards, which says so."""
        if self.curve is None:
            return None
        fixed = self.description.protocol.evaluation.target
        return convergence.target(self.fresh, self.trials, self.curve, fixed, None)

    @cached_property
    def times(self) -> pd.DataFrame:
        """`convergence.times` to the target, of all trials but those that ended well and were never measured."""
        if self.target is None or self.curve is None:
            return pd.DataFrame()
        measured = self.fresh.loc[self.fresh[self.curve].notna(), "trial"]
        known = self.trials[(self.trials["state"] != "done") | self.trials["trial"].isin(measured)]
        return convergence.times(self.fresh, known, self.curve, self.target.value)

    @cached_property
    def results(self) -> pd.DataFrame:
        """What `bench.analysis.sensitivity` reads: one row a trial that has ended, and the settings it had.

        variant is the method and its prior; score the headline distance, infinite where the trial did not come to its
        end; learning_rate and hyperparameters follow.
        """
        scores = dict(zip(self.last["trial"], self.last[self.headline], strict=True)) if len(self.last) else {}
        ended = self.trials[self.trials["state"].isin(convergence.ENDED) & ~self.trials["stale"].astype(bool)]
        found = []
        for record in frames.records(ended):
            spec = self.trial(record).trial().spec
            score = scores.get(record["trial"], math.nan if record["state"] == "done" else math.inf)
            if math.isnan(score):  # it ended well, but this was not measured of it
                continue
            row = {key: record[key] for key in ("trial", "method", "seed", "state")}
            row |= {"variant": labels.without_settings(record["variant"]), "score": score}
            rate = spec.optimisation.learning_rate
            found.append(row | {"learning_rate": rate} | spec.hyperparameters)
        return pd.DataFrame.from_records(found)

    def trial(self, record: dict[str, Any]) -> TrialFolder:
        return TrialFolder(Path(record["experiment"]) / "trials" / record["folder"])

    @property
    def alike(self) -> bool:
        """Whether seconds can be compared: all trials had the same machine, threads and company."""
        return self.trials.dropna(subset=["machine"])[["machine", "at_once"]].drop_duplicates().shape[0] <= 1
