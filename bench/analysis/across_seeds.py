"""Statistics of each variant over its training seeds, the unit of replication."""

import math

import pandas as pd

from bench.analysis import significance
from bench.metrics.columns import METRICS, Column, parse
from bench.store.states import State

SUMMARISED = (State.done, State.diverged, State.failed, State.stopped, State.unfinished)
STATES = [*(state.value for state in SUMMARISED), "stale"]  # columns of a summary; a stale trial counts as stale only
# Numeric columns that are no measurements of a method.
NOT_MEASURED = {"seed", "step", "epoch", "images_seen", "sampling_seed", "extractor_accuracy"}
PROTOCOL_INDEPENDENT = [  # columns with the same meaning under every protocol
    "reconstruction_test",
    "train_seconds",
    "cpu_share",
    "evaluation_seconds",
    "images_per_second",
    "peak_memory_mb",
    "parameters",
]


def finished(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials that count: done, and trained by the method's current source."""
    return trials[(trials["state"] == State.done) & ~trials["stale"].astype(bool)]


def last_rows(rows: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Return one row per finished trial: everything measured at its last checkpoint.

    Headline numbers never come from the best checkpoint. Rows of one step that follow different protocols have
    different columns (`protocols.separate`), so combining them never mixes protocols.
    """
    counted = rows[rows["trial"].isin(finished(trials)["trial"])]
    if counted.empty:
        return counted
    last = counted[counted["step"] == counted.groupby("trial")["step"].transform("max")]
    combined = last.groupby("trial", sort=False).last()  # the newest value of each column
    if "evaluation_seconds" in counted:
        seconds = _from_training(counted).groupby("trial")["evaluation_seconds"].sum()
        combined = combined.assign(evaluation_seconds=seconds)
    return combined.reset_index()


def _from_training(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows measured by the trainings themselves, not by bench.evaluate."""
    return rows[~rows["afterwards"].astype(bool)] if "afterwards" in rows else rows


def summarise(rows: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Return one row per variant, sorted by the mean of the headline distance, then of the other distances.

    Columns: method, variant, prior; seeds; the number of seeds in each of STATES; and for every measured column its
    mean, min, max, sd (of two seeds or more) and 95% Student-t interval low, high (of three or more), over the n seeds
    that have a value (bench.evaluate may have scored only some).
    """
    last = last_rows(rows, trials)
    metrics = [column for column in measured(rows) if column in last]
    records = []
    for (method, variant, prior), subset in trials.groupby(["method", "variant", "prior"], sort=False):
        stale = subset["stale"].astype(bool)
        counts = subset.loc[~stale, "state"].value_counts()
        record = {"method": method, "variant": variant, "prior": prior, "seeds": len(subset)}
        record |= {state: int(counts.get(state, 0)) for state in STATES[:-1]} | {"stale": int(stale.sum())}
        variant_rows = last[last["trial"].isin(subset["trial"])] if len(last) else last
        for metric in metrics:
            found = statistics(variant_rows[metric].dropna())
            record |= {f"{metric}_{name}": value for name, value in found.items()}
        records.append(record)
    summary = pd.DataFrame.from_records(records)
    keys = [f"{column}_mean" for column in distances(rows) if f"{column}_mean" in summary]
    return summary.sort_values(keys, ignore_index=True, na_position="last") if keys else summary


def statistics(values: pd.Series) -> dict[str, float]:
    """Return mean, min, max, sd, the 95% Student-t interval low and high, and the number n of values."""
    found: dict[str, float] = {"mean": values.mean(), "min": values.min(), "max": values.max(), "sd": values.std()}
    found["low"], found["high"] = significance.interval(values[values.abs() < math.inf].tolist())
    return found | {"n": len(values)}


def generated(rows: pd.DataFrame) -> list[Column]:
    """Return the columns that measure generated images, the trainings' own protocol first.

    Columns measured only by bench.evaluate follow. Then Inception columns (FID) come before others, more images before
    fewer, and metrics are in the order of METRICS.
    """
    columns = [column for column in (parse(str(name)) for name in rows.columns) if column]
    own = _from_training(rows)
    labels, order = list(dict.fromkeys(column.label for column in columns)), list(METRICS)

    def rank(column: Column) -> tuple[object, ...]:
        only_rescored = own[str(column)].isna().all() and len(own) > 0
        protocol = (column.extractor != "inception", -column.samples, labels.index(column.label))
        return only_rescored, *protocol, order.index(column.metric)

    return sorted(columns, key=rank)


def distances(rows: pd.DataFrame) -> list[str]:
    """Return the Fréchet distances among the columns of `generated`, in its order; the first is the headline."""
    return [str(column) for column in generated(rows) if column.metric == "distance"]


def measured(rows: pd.DataFrame) -> list[str]:
    """Return the columns that measure a method, headline first: no keys, constants, stamps or NOT_MEASURED."""
    skipped = NOT_MEASURED | set(constants(rows))
    first = [*map(str, generated(rows)), *(column for column in PROTOCOL_INDEPENDENT if column in rows)]
    rest = [str(c) for c in rows.select_dtypes("number").columns if c not in (*skipped, *first)]
    return first + [c for c in rest if not c.startswith("n_") and not c.endswith("_prior")]


def constants(rows: pd.DataFrame) -> dict[str, float]:
    """Return the values that all trials share: every metric, measured on real images (`Column.real`)."""
    names = [column.real for column in generated(rows)]
    return {name: float(rows[name].dropna().iloc[0]) for name in names if name in rows and rows[name].notna().any()}


def prior_samples(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the latent diagnostics of each prior's own samples: {"normal": {"latent_mmd": ..., ...}, ...}."""
    names = [str(c) for c in rows.columns if str(c).endswith("_prior") and str(c).startswith("latent_")]
    means = rows.dropna(subset=names, how="all").groupby("prior")[names].mean() if names else pd.DataFrame()
    return {
        str(prior): {str(name).removesuffix("_prior"): float(value) for name, value in row.dropna().items()}
        for prior, row in means.iterrows()
    }
