"""An experiment's trial folders as data frames. Neither torch nor ray is imported."""

from pathlib import Path
from typing import Any

import pandas as pd

from bench.config import ROOT
from bench.files import Damaged, sha256
from bench.store import ExperimentFolder, TrialFolder

KEYS = ["trial", "method", "variant", "prior", "seed"]


def trials(folder: ExperimentFolder) -> pd.DataFrame:
    """One row a trial: KEYS, state, reason, stale, resumed (how often it went on from a checkpoint), folder."""
    found = [describe(trial) for trial in folder.trials()]
    columns = [*KEYS, "state", "reason", "stale", "resumed", "folder"]
    return pd.DataFrame.from_records(found, columns=columns).sort_values(["variant", "seed"], ignore_index=True)


def rows(folder: ExperimentFolder) -> pd.DataFrame:
    """One row an evaluation, in order of trial and step, with the KEYS of its trial in front."""
    frames = []
    for trial in records(trials(folder)):
        history = _history(folder.trial(trial["folder"]))
        frames.append(history.assign(**{key: trial[key] for key in KEYS}))
    if not frames:
        return pd.DataFrame(columns=KEYS)
    merged = pd.concat(frames, ignore_index=True)
    return merged[KEYS + [column for column in merged.columns if column not in KEYS]]


def machines(folder: ExperimentFolder) -> list[str]:
    """What the trials ran on, in words, each once."""
    found = []
    for trial in folder.trials():
        e = trial.environment()
        if not e:
            continue
        where = e["processor"] if e["device"] == "cpu" else e["device"]
        running = f"{e['threads']} threads a trial, {e['concurrent_trials']} trials at a time"
        commit = (e["git"]["commit"] or "unknown")[:10] + (" with changes" if e["git"]["dirty"] else "")
        found.append(f"{where}, {running}; torch {e['packages']['torch']}, Python {e['python']}; commit {commit}")
    return list(dict.fromkeys(found))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dicts."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def describe(folder: TrialFolder) -> dict[str, Any]:
    """The row of one trial."""
    document, status = folder.spec(), folder.status()
    spec = document["spec"]
    return {
        "trial": document["id"],
        "method": spec["method"],
        "variant": document["label"],
        "prior": spec["prior"],
        "seed": spec["seed"],
        # A trial that says it is running while nobody reports for it was interrupted, or runs elsewhere right now.
        "state": "unfinished" if status["state"] == "running" else status["state"],
        "reason": status["reason"],
        "stale": _stale(document["source"]),
        "resumed": sum(bool(attempt["from_step"]) for attempt in status["attempts"]),
        "folder": folder.path.name,
    }


def _stale(source: dict[str, str]) -> bool:
    """Whether the method's file has changed since; of a plug-in that is not at its place nothing can be said."""
    path = ROOT / Path(source["file"])
    if not path.exists():
        return path.is_relative_to(ROOT)
    return sha256(path.read_bytes()) != source["sha256"]


def _history(folder: TrialFolder) -> pd.DataFrame:
    """The rows of the training, and those measured afterwards."""
    try:
        rows = folder.rows()
    except Damaged as error:
        print(f"warning: {error}; its rows are left out until the trial is resumed", flush=True)
        return pd.DataFrame()
    try:
        later = folder.evaluations()
    except Damaged as error:
        print(f"warning: {error}; what bench.evaluate measured is left out", flush=True)
        return rows.assign(afterwards=False)
    rows = rows.assign(afterwards=False)
    return pd.concat([rows, later.assign(afterwards=True)], ignore_index=True) if len(later) else rows
