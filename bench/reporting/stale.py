"""Stale trials in a report: they are variants of their own, marked, so that they never count as seeds of fresh ones."""

import pandas as pd

from bench.experiment.labels import STALE, mark_stale

MOST_NAMED = 8  # variants in the note


def mark(trials: pd.DataFrame) -> pd.DataFrame:
    """Mark the variants and ids of stale trials, by the code that trained them; `stale` then is false everywhere.

    Args:
        trials: the frame of `frames.trials`.
    """
    codes: dict[str, list[str]] = {}  # variant -> hashes of the other codes, in order
    variants, ids = [], []
    columns = (trials[name].tolist() for name in ("variant", "trial", "stale", "code"))
    for variant, trial, stale, code in zip(*columns, strict=True):
        known = codes.setdefault(variant, [])
        if stale and code not in known:
            known.append(code)
        number = known.index(code) + 1 if stale else 0
        variants.append(mark_stale(variant, number) if stale else variant)
        ids.append(mark_stale(trial, number) if stale else trial)
    return trials.assign(variant=variants, trial=ids, stale=False)


def note(trials: pd.DataFrame) -> str | None:
    """Return a line for the reader that says which variants are marked and what has changed; None if none is."""
    changed = trials.dropna(subset=["changed"]).drop_duplicates("variant")
    if changed.empty:
        return None
    named = [f"{v} ({c})" for v, c in zip(changed["variant"], changed["changed"], strict=True)]
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return (
        f"{STALE} marks stale trials, whose code has changed since they were trained: "
        f"{'; '.join(named[:MOST_NAMED])}{more}. They are variants of their own. If their variant has fresh trials, "
        "only those are compared. --retrain-stale trains them again; --accept-stale says that the results would be "
        "equal"
    )
