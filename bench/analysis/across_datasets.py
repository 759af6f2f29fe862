"""Aggregates over several data sets, as defined by rliable. Lower scores are better.

Agarwal et al., Deep RL at the Edge of the Statistical Precipice, arXiv 2108.13264. A run is one finished trial. A frame
has one row per run: dataset, variant, seed and its distance, or the score computed by `normalised`. Imports neither
torch nor ray.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from bench.analysis.significance import NO_INTERVAL, RESAMPLES, percentiles


def normalised(distances: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of the variants that ran on every data set, with their `score`.

    Each data set has its own scale of distances, so the largest would dominate a plain mean. The score is the
    distance divided by the median of these variants' mean distances on the data set, so that 1 is the median variant.
    Scores therefore depend on which variants are compared; their order on a data set does not. Intervals treat that
    median as fixed.

    Raises:
        ValueError: A distance is not positive and finite.
    """
    if not (np.isfinite(distances["distance"]) & (distances["distance"] > 0)).all():
        raise ValueError("distances of finished runs are positive and finite")
    everywhere = distances.groupby("variant")["dataset"].nunique() == distances["dataset"].nunique()
    runs = distances[distances["variant"].isin(everywhere.index[everywhere])]
    medians = runs.groupby(["dataset", "variant"])["distance"].mean().groupby("dataset").median()
    return runs.assign(score=runs["distance"] / medians.reindex(runs["dataset"]).to_numpy()).reset_index(drop=True)


def iqm(scores: Sequence[float] | np.ndarray) -> float:
    """Return the mean of the middle half of all runs, trimming floor(n / 4) at each end; nan if there are none."""
    return float(_iqm([np.reshape(scores, (1, -1))])[0]) if np.size(scores) else math.nan


def _strata(runs: pd.DataFrame) -> list[np.ndarray]:
    """The scores of one variant on each data set."""
    return [scores.to_numpy(float) for _, scores in runs.groupby("dataset", sort=False)["score"]]


def _resampled(strata: list[np.ndarray], resamples: int, seed: int) -> list[np.ndarray]:
    """Bootstrap resamples [resamples, runs] within each data set, independent of the other variants."""
    random = np.random.default_rng(seed)
    return [scores[random.integers(len(scores), size=(resamples, len(scores)))] for scores in strata]


def _iqm(strata: list[np.ndarray]) -> np.ndarray:
    from scipy.stats import trim_mean

    return trim_mean(np.concatenate(strata, axis=1), 0.25, axis=1)


def _median(strata: list[np.ndarray]) -> np.ndarray:
    return np.median([scores.mean(axis=1) for scores in strata], axis=0)


def _mean(strata: list[np.ndarray]) -> np.ndarray:
    return np.mean([scores.mean(axis=1) for scores in strata], axis=0)


# Each maps the scores [resamples, runs] of every data set to [resamples].
STATISTICS: dict[str, Callable[[list[np.ndarray]], np.ndarray]] = {"iqm": _iqm, "median": _median, "mean": _mean}


def aggregate(frame: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Return one row per variant of normalised runs, the lowest interquartile mean first.

    Columns: variant, runs, datasets; iqm over all runs; median and mean of the mean scores on the data sets; for each
    statistic a 95% interval <name>_low, <name>_high, from a bootstrap of the runs within each data set. The interval is
    too narrow for few seeds, and nan if a data set has only one.
    """
    records = []
    for variant, runs in frame.groupby("variant", sort=False):
        strata = _strata(runs)
        drawn = _resampled(strata, resamples, seed)
        record: dict[str, object] = {"variant": variant, "runs": len(runs), "datasets": len(strata)}
        for name, statistic in STATISTICS.items():
            low, high = percentiles(statistic(drawn)) if min(map(len, strata)) > 1 else NO_INTERVAL
            value = float(statistic([scores[None] for scores in strata])[0])
            record |= {name: value, f"{name}_low": low, f"{name}_high": high}
        records.append(record)
    columns = [f"{name}{end}" for name in STATISTICS for end in ("", "_low", "_high")]
    aggregates = pd.DataFrame.from_records(records, columns=["variant", "runs", "datasets", *columns])
    return aggregates.sort_values("iqm", ignore_index=True, kind="stable")


def profile(
    frame: pd.DataFrame, taus: Sequence[float] | np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Return the score distribution of each variant (section 4.2): one row per variant and tau, in the given order.

    Columns: variant, tau; share, of runs with score <= tau, averaged over data sets; low, high, the pointwise 95%
    interval, computed as in `aggregate`.
    """
    records = []
    for variant, runs in frame.groupby("variant", sort=False):
        strata = _strata(runs)
        drawn = _resampled(strata, resamples, seed)
        for tau in taus:
            share = float(_mean([(scores <= tau)[None] for scores in strata])[0])
            band = percentiles(_mean([scores <= tau for scores in drawn])) if min(map(len, strata)) > 1 else NO_INTERVAL
            records.append((variant, float(tau), share, *band))
    return pd.DataFrame.from_records(records, columns=["variant", "tau", "share", "low", "high"])
