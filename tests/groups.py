"""Made-up rows and trials, and groups of them, for tests of statistics, tables and figures."""

import math
from collections.abc import Mapping

import pandas as pd
from specimens import make_description

from bench.driver.tune import TUNING_SEED
from bench.metrics.columns import STAMPS
from bench.reporting.group import Group
from bench.reporting.table import Table


def group_of(rows: pd.DataFrame, trials: pd.DataFrame) -> Group:
    """A group without folders. Columns that `trials` lacks are filled in, as if no trial had an environment."""
    blank = {"reason": None, "resumed": 0, "folder": "gone", "experiment": "nowhere", "machine": None, "at_once": None}
    blank |= {"began": None, "ended": None, "code": "0", "changed": None}
    trials = trials.assign(**{name: value for name, value in blank.items() if name not in trials})
    return Group("digits", [], trials, rows, make_description(samples=1000))


def cells(table: Table, variant: str) -> list[str]:
    """The texts of one variant's row."""
    return next([cell.text for cell in row] for row in table.rows if row[0].text == variant)


PROTOCOL = {
    "n_generated": 1000,
    "n_real": 400,
    "n_floor": 1000,
    "reference_split": "test",
    "extractor": "classifier",
    "extractor_precision": "fp32",
    "sampler": "prior",
}


def three_seeds(states=("done", "done", "done"), stale=(False, False, False)):
    """Three seeds of method m; `fd_classifier_1k` is 10, 20, 30 at the last step and 1 before."""
    trials = pd.DataFrame(
        {
            "trial": ["a", "b", "c"],
            "method": "m",
            "variant": "m",
            "prior": "normal",
            "seed": [0, 1, 2],
            "state": states,
            "reason": [None if state == "done" else "why" for state in states],
            "stale": stale,
        }
    )
    records = [
        {"trial": t, "method": "m", "variant": "m", "prior": "normal", "seed": s, "step": step, "images_seen": step,
         "train_seconds": step / 10, "fd_classifier_1k": value, "fd_classifier_1k_floor": 0.5, **PROTOCOL}
        for s, t in enumerate("abc")
        for step, value in ((5, 1.0), (9, 10.0 * (s + 1)))
    ]  # fmt: skip
    return pd.DataFrame(records), trials


def variants_of(factors: Mapping[str, float], **columns: float) -> Group:
    """A group of variants with `three_seeds` each, whose distances are `factors` times theirs. columns: of the rows."""
    parts = []
    for variant, factor in factors.items():
        rows, trials = three_seeds()
        rows["fd_classifier_1k"] *= factor
        rows = rows.assign(**columns)
        parts.append([frame.assign(trial=frame["trial"] + variant, variant=variant) for frame in (rows, trials)])
    rows, trials = (pd.concat(each, ignore_index=True) for each in zip(*parts, strict=True))
    return group_of(rows, trials)


def two_rows(**changes: list[object]) -> pd.DataFrame:
    """Two rows of one trial that measured `fid_10k` = 10 and 20; changes: stamps of the two."""
    stamps = {
        "n_generated": [10_000] * 2,
        "n_real": [5000] * 2,
        "reference_split": ["test"] * 2,
        "preprocessing": ["32x32x3"] * 2,
        "extractor": ["inception"] * 2,
        "extractor_sha256": ["a" * 64] * 2,
        "extractor_precision": ["fp32"] * 2,
        "sampler": ["prior"] * 2,
        "sampling_seed": [0] * 2,
    }
    assert set(stamps) == set(STAMPS)
    frame = pd.DataFrame(
        {
            "trial": "t",
            "variant": "m",
            "prior": "normal",
            "seed": 0,
            "step": 9,
            "fid_10k": [10.0, 20.0],
            **stamps,
            **changes,
        }
    )
    return frame.assign(fid_10k_floor=[1.0, 2.0], latent_mmd=0.5, n_floor=400, n_neighbours=400)


DONE_TRIAL = pd.DataFrame(
    [{"trial": "t", "method": "m", "variant": "m", "prior": "normal", "seed": 0, "state": "done", "stale": False}]
)


def search_results(scores: dict[str, list[float]]) -> pd.DataFrame:
    """Two seeds of every point, with score and score + 1. scores: of each variant's points; inf: failed."""
    records = [
        {"trial": f"{v}{i}{s}", "method": v, "variant": v, "point": i, "seed": TUNING_SEED + s}
        | {
            "state": "done" if score < math.inf else "failed",
            "score": score + s,
            "partial": math.nan if score < math.inf else 50.0 + i,
            "train_seconds": 2.0,
            "learning_rate": 10.0**-i,
            "weight": 1.0,
        }
        for v, values in scores.items()
        for i, score in enumerate(values)
        for s in range(2)
    ]
    return pd.DataFrame.from_records(records)
