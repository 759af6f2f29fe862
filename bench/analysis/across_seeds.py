"""What several seeds say together. Training seeds are the unit of replication."""

import math

import pandas as pd

from bench.analysis import significance
from bench.metrics.columns import METRICS, Column, parse

STATES = ["done", "diverged", "failed", "stopped", "unfinished", "stale"]
POSITIONS = {"seed", "step", "epoch", "images_seen", "sampling_seed", "extractor_accuracy"}
PLAIN = [
    "reconstruction_test",
    "train_seconds",
    "evaluation_seconds",
    "images_per_second",
    "peak_memory_mb",
    "parameters",
]  # measured whatever the protocol


def finished(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials that count: done, and trained by the method's present source."""
    return trials[(trials["state"] == "done") & ~trials["stale"].astype(bool)]


def last_rows(rows: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """One row for every finished trial that is not stale: all that was measured of its last checkpoint.

    Headline numbers are never of the best checkpoint. Rows of one step that follow different protocols have different
    columns (`protocols.separate`), so that taking them together mixes nothing.
    """
    kept = rows[rows["trial"].isin(finished(trials)["trial"])]
    if kept.empty:
        return kept
    last = kept[kept["step"] == kept.groupby("trial")["step"].transform("max")]
    together = last.groupby("trial", sort=False).last()  # of each column the newest value, measured again or not
    if "evaluation_seconds" in kept:
        seconds = _own(kept).groupby("trial")["evaluation_seconds"].sum()
        together = together.assign(evaluation_seconds=seconds)
    return together.reset_index()


def _own(rows: pd.DataFrame) -> pd.DataFrame:
    """What the trainings themselves measured, not bench.evaluate."""
    return rows[~rows["afterwards"].astype(bool)] if "afterwards" in rows else rows


def summarise(rows: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """One row a variant, the best mean distance (of most images) first.

    Columns: method, variant, prior; seeds, and how many of them are in each of STATES (a stale trial counts as stale
    only); for every measured column its mean, min, max and (from two seeds on) sd and 95% Student-t interval low, high
    over the seeds that have it, and their number n: not all are measured alike where bench.evaluate scored some.
    """
    last = last_rows(rows, trials)
    metrics = [column for column in measured(rows) if column in last]
    records = []
    for (method, variant, prior), group in trials.groupby(["method", "variant", "prior"], sort=False):
        stale = group["stale"].astype(bool)
        counts = group.loc[~stale, "state"].value_counts()
        record = {"method": method, "variant": variant, "prior": prior, "seeds": len(group)}
        record |= {state: int(counts.get(state, 0)) for state in STATES[:-1]} | {"stale": int(stale.sum())}
        mine = last[last["trial"].isin(group["trial"])] if len(last) else last
        for metric in metrics:
            values = mine[metric].dropna()
            statistics = {"mean": values.mean(), "min": values.min(), "max": values.max(), "sd": values.std()}
            statistics["low"], statistics["high"] = significance.interval(values[values.abs() < math.inf].tolist())
            statistics["n"] = len(values)
            record |= {f"{metric}_{name}": value for name, value in statistics.items()}
        records.append(record)
    summary = pd.DataFrame.from_records(records)
    keys = [f"{column}_mean" for column in distances(rows) if f"{column}_mean" in summary]
    return summary.sort_values(keys, ignore_index=True, na_position="last") if keys else summary


def generated(rows: pd.DataFrame) -> list[Column]:
    """The columns that measure generated images: of the trainings' own protocol first, most images first.

    What bench.evaluate alone measured comes after, FID's before others; metrics stand as in METRICS.
    """
    found = [column for column in (parse(str(name)) for name in rows.columns) if column]
    own = _own(rows)
    labels, order = list(dict.fromkeys(column.label for column in found)), list(METRICS)

    def place(column: Column) -> tuple[object, ...]:
        later = own[str(column)].isna().all() and len(own) > 0
        group = (column.extractor != "inception", -column.samples, labels.index(column.label))
        return later, *group, order.index(column.metric)

    return sorted(found, key=place)


def distances(rows: pd.DataFrame) -> list[str]:
    """The columns of Frechet distances of generated images, in the same order: the first is the headline."""
    return [str(column) for column in generated(rows) if column.metric == "distance"]


def measured(rows: pd.DataFrame) -> list[str]:
    """The columns of `rows` that measure a method, headline first; not keys, positions, constants or stamps."""
    skipped = POSITIONS | set(constants(rows))
    first = [*map(str, generated(rows)), *(column for column in PLAIN if column in rows)]
    rest = [str(c) for c in rows.select_dtypes("number").columns if c not in (*skipped, *first)]
    return first + [c for c in rest if not c.startswith("n_") and not c.endswith("_prior")]


def constants(rows: pd.DataFrame) -> dict[str, float]:
    """What all trials share: every metric of real images instead of generated ones (`Column.real`)."""
    names = [column.real for column in generated(rows)]
    return {name: float(rows[name].dropna().iloc[0]) for name in names if name in rows and rows[name].notna().any()}


def prior_samples(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """For each prior the latent diagnostics of its own samples: {"normal": {"latent_mmd": ..., ...}, ...}."""
    names = [str(c) for c in rows.columns if str(c).endswith("_prior") and str(c).startswith("latent_")]
    found = rows.dropna(subset=names, how="all").groupby("prior")[names].mean() if names else pd.DataFrame()
    return {
        str(prior): {str(name).removesuffix("_prior"): float(value) for name, value in row.dropna().items()}
        for prior, row in found.iterrows()
    }
