"""A group: the trials of one protocol, from one experiment or from several, which one report compares."""

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from bench.analysis import across_seeds, convergence, frames, significance
from bench.analysis.frames import Record
from bench.experiment import configuration, labels
from bench.experiment.settings import Report
from bench.reporting.description import protocol_line
from bench.reporting.names import Names, shortened
from bench.store.documents import Description
from bench.store.folders import ExperimentFolder, TrialFolder
from bench.store.states import State

MOST_SHOWN = 16  # variants in a figure: more lines cannot be distinguished
LEAST_SHARE = 0.8  # of a CPU, with which seconds count; quiet machines with a trial a core gave 0.93 to 0.98


@dataclass(frozen=True)
class Group:
    """The trials of one protocol.

    Attributes:
        name: the data set; followed by the folder if an earlier group of the report has the same data set.
        folders: the experiments.
        trials: the frame of `frames.trials`, with stale trials marked (`bench.reporting.stale`), and with the column
            experiment (the path of its folder).
        rows: the frame of `frames.rows`, with protocols separated (`protocols.separate`).
        description: what the experiments record about themselves.
        reason_not_merged: a sentence that explains why this group was not merged with an earlier one, or empty.
        searched: variants that a search chose, and how many points it tried for each.
        unbegun: how many trials were planned and have not begun.
    """

    name: str
    folders: list[ExperimentFolder]
    trials: pd.DataFrame
    rows: pd.DataFrame
    description: Description
    reason_not_merged: str = ""
    searched: dict[str, int] = field(default_factory=dict)
    unbegun: int = 0

    @cached_property
    def summary(self) -> pd.DataFrame:
        """`across_seeds.summarise`: one row per variant; `stale`: the trials of other code, all or none."""
        summary = across_seeds.summarise(self.rows, self.trials)
        changed = self.trials["changed"].notna().groupby(self.trials["variant"]).sum()
        return summary.assign(stale=summary["variant"].map(changed))

    @cached_property
    def names(self) -> Names:
        """Short names of variants with long labels."""
        return shortened(self.summary["variant"])

    @cached_property
    def last(self) -> pd.DataFrame:
        """`across_seeds.last_rows`: one row per finished trial."""
        return across_seeds.last_rows(self.rows, self.trials)

    @cached_property
    def fresh(self) -> pd.DataFrame:
        """Rows of the trials; without any, an empty frame with the key columns only."""
        return self.rows if len(self.rows) else self.rows[frames.KEYS]

    @cached_property
    def headline(self) -> str | None:
        """The distance by which variants are compared; None if nothing was measured."""
        return next(iter(across_seeds.distances(self.fresh)), None) if len(self.fresh) else None

    @cached_property
    def curve(self) -> str | None:
        """The distance that was measured in most rows, for curves over the training; None if there is none."""
        distances = across_seeds.distances(self.fresh)
        return max(distances, key=lambda column: self.fresh[column].count(), default=None)

    @cached_property
    def shown(self) -> list[str]:
        """The variants in figures, best first: all, or if they exceed MOST_SHOWN the best of each method and prior."""
        if len(self.summary) <= MOST_SHOWN:
            return list(self.summary["variant"])
        return list(self.summary.drop_duplicates(["method", "prior"])["variant"])

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return self.description.protocol.dataset.name

    @property
    def protocol(self) -> str:
        """The protocol that all trials share, in one line."""
        return protocol_line(self.description)

    @cached_property
    def superseded(self) -> set[str]:
        """Variants of stale trials that are not compared, because fresh trials of the same variant have finished."""
        finished = set(self.last["variant"]) if len(self.last) else set()
        return {v for v in finished if labels.split_mark(v)[1] and labels.split_mark(v)[0] in finished}

    def by_seed(self, column: str) -> dict[str, dict[int, float]]:
        """Return `all_by_seed` of the variants that are compared."""
        return {variant: each for variant, each in self.all_by_seed(column).items() if variant not in self.superseded}

    def all_by_seed(self, column: str) -> dict[str, dict[int, float]]:
        """Return the finite values of a column at the last checkpoints: variant, as in the summary -> seed -> value."""
        if self.last.empty or column not in self.last:
            return {}
        found: dict[str, dict[int, float]] = {variant: {} for variant in self.summary["variant"]}
        for variant, seed, value in zip(
            *(self.last[name].tolist() for name in ("variant", "seed", column)), strict=True
        ):
            if math.isfinite(value):
                found[variant][seed] = value
        return {variant: values for variant, values in found.items() if values}

    def values(self, column: str) -> dict[str, list[float]]:
        """Return `by_seed` as lists: variant -> values in order of seeds."""
        return {variant: list(values.values()) for variant, values in self.by_seed(column).items()}

    @cached_property
    def seed_spread(self) -> float:
        """The pooled standard deviation of log distances over the seeds of a variant; nan if it is unknown."""
        return significance.pooled_spread(self.values(self.headline)) if self.headline else math.nan

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """`significance.pairwise` of the headline distance, best variants first."""
        return significance.pairwise(self.by_seed(self.headline)) if self.headline else pd.DataFrame()

    @cached_property
    def target(self) -> convergence.Target | None:
        """Target of the curve's distance: from the protocol, or chosen afterwards; `source` explains which."""
        if self.curve is None:
            return None
        return convergence.target(
            self.fresh, self.trials, self.curve, self.description.protocol.evaluation.target, None
        )

    @cached_property
    def times(self) -> pd.DataFrame:
        """`convergence.times` to the target; without trials that are done but lack measurements of the distance."""
        if self.target is None or self.curve is None:
            return pd.DataFrame()
        measured = self.fresh.loc[self.fresh[self.curve].notna(), "trial"]
        known = self.trials[(self.trials["state"] != State.done) | self.trials["trial"].isin(measured)]
        return convergence.times(self.fresh, known, self.curve, self.target.value)

    @cached_property
    def results(self) -> pd.DataFrame:
        """The input of `bench.analysis.sensitivity`: one row per trial that has ended, with its settings.

        Columns: trial, method, seed, state; variant, the method and its prior; score, the headline distance (infinite
        if the trial did not finish); learning_rate and the hyperparameters.
        """
        scores = dict(zip(self.last["trial"], self.last[self.headline], strict=True)) if len(self.last) else {}
        ended = self.trials[self.trials["state"].isin(convergence.ENDED)]
        scored = []
        for record in frames.records(ended):
            spec = self.trial(record).trial().spec
            score = scores.get(record["trial"], math.nan if record["state"] == State.done else math.inf)
            if math.isnan(score):  # done, but without this measurement
                continue
            row = {key: record[key] for key in ("trial", "method", "seed", "state")}
            row |= {"variant": labels.without_settings(record["variant"]), "score": score}
            scored.append(row | {"learning_rate": spec.optimisation.learning_rate} | spec.hyperparameters)
        return pd.DataFrame.from_records(scored)

    def trial(self, record: Record) -> TrialFolder:
        """Return the folder of a row of `trials`."""
        return TrialFolder(Path(record["experiment"]) / "trials" / record["folder"])

    @cached_property
    def incomparable_times(self) -> str:
        """Why times are not comparable; empty if they are."""
        if self.trials.dropna(subset=["machine"])[["machine", "at_once"]].drop_duplicates().shape[0] > 1:
            return "trials ran on different machines, or with different numbers of concurrent trials"
        compared = self.last[~self.last["variant"].isin(self.superseded)] if len(self.last) else self.last
        if "cpu_share" in compared and compared["cpu_share"].min() < LEAST_SHARE:
            (least,) = frames.records(compared.nsmallest(1, "cpu_share"))
            trial, share = f"`{least['variant']}` seed {least['seed']}", least["cpu_share"]
            return f"other processes used the CPUs; {trial} had one for only {share:.0%} of its training time"
        return ""

    @property
    def comparable_times(self) -> bool:
        """Whether all trials had one machine, thread count, number of concurrent trials, and a CPU all the time."""
        return not self.incomparable_times


def as_asked(
    group: Group, baseline: str | None, margin: float | None, latex: str | None, light: bool | None = None
) -> Group:
    """Return the group with other settings of its report, where they are given.

    Raises:
        UserError: a setting is not valid.
    """
    given = {"baseline": baseline, "margin": margin, "latex": latex, "light": light}
    changed = group.description.report.model_dump() | {name: v for name, v in given.items() if v is not None}
    report = configuration.section(Report, changed)
    return replace(group, description=replace(group.description, report=report))
