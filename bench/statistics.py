"""What several seeds say together. Training seeds are the unit of replication."""

import pandas as pd

DISTANCES = ["fd_classifier", "fd_rotation"]  # in which features images were compared: one an experiment
HEADLINE = [*DISTANCES, "confidence", "reconstruction_test", "train_seconds"]
STATES = ["done", "diverged", "failed", "unfinished", "stale"]


def finished(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials that count: done, and trained by the method's present source."""
    return trials[(trials["state"] == "done") & ~trials["stale"].astype(bool)]


def last_rows(rows: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """The last evaluation of every finished trial that is not stale: headline numbers are never of the best one."""
    kept = rows[rows["trial"].isin(finished(trials)["trial"])]
    return kept if kept.empty else kept.sort_values("step").groupby("trial", sort=False).tail(1)


def summarise(rows: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """One row a variant, the best mean distance first.

    Columns: method, variant, prior; seeds, and how many of them are in each of STATES (a stale trial counts as stale
    only); for every headline and diagnostic column its mean, min, max and (from two seeds on) sd over the seeds done.
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
            record |= {f"{metric}_{name}": value for name, value in statistics.items()}
        records.append(record)
    summary = pd.DataFrame.from_records(records)
    keys = [f"{distance}_mean" for distance in DISTANCES if f"{distance}_mean" in summary]
    return summary.sort_values(keys, ignore_index=True, na_position="last") if keys else summary


def measured(rows: pd.DataFrame) -> list[str]:
    """The columns of `rows` that measure a method, headline first; not keys, positions, constants or stamps."""
    skipped = {"seed", "step", "epoch", "images_seen", "sampling_seed", *constants(rows)}
    numeric = rows.select_dtypes("number").columns
    rest = [c for c in numeric if c not in skipped and not c.startswith("n_") and c not in HEADLINE]
    return [column for column in HEADLINE if column in rows] + rest


def constants(rows: pd.DataFrame) -> dict[str, float]:
    """What all trials of an experiment share: the floor of the distance, and the confidence on real images."""
    names = [f"{distance}_floor" for distance in DISTANCES] + ["confidence_real"]
    return {name: float(rows[name].dropna().iloc[0]) for name in names if name in rows and rows[name].notna().any()}
