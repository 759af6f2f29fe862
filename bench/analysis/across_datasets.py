"""What several data sets say together, as rliable defines it. Lower scores are better.

Agarwal et al., Deep RL at the Edge of the Statistical Precipice, arXiv 2108.13264. A frame has one row a run that
finished: dataset, variant, seed and its distance, or the score that `normalised` makes of it. Neither torch nor ray is
imported.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from bench.analysis.significance import RESAMPLES, UNKNOWN, percentiles


def normalised(distances: pd.DataFrame) -> pd.DataFrame:
    """The rows of variants that are on every data set, with their `score`.

    Distances of two data sets are on different scales, and their mean would be that of the data set with the larger.
    score: the distance over the median of the mean distances of the data set's kept variants, so that 1 is the middling
    variant. Other variants therefore change scores, though not the order on any data set. Intervals take that median
    for fixed.
    """
    if not (np.isfinite(distances["distance"]) & (distances["distance"] > 0)).all():
        raise ValueError("distances of finished runs are positive and finite")
    everywhere = distances.groupby("variant")["dataset"].nunique() == distances["dataset"].nunique()
    kept = distances[distances["variant"].isin(everywhere.index[everywhere])]
    middling = kept.groupby(["dataset", "variant"])["distance"].mean().groupby("dataset").median()
    return kept.assign(score=kept["distance"] / middling.reindex(kept["dataset"]).to_numpy()).reset_index(drop=True)


def iqm(scores: Sequence[float] | np.ndarray) -> float:
    """The mean of the middle half of all runs; the quarters left out are rounded down. Nan without any."""
    return float(_iqm([np.reshape(scores, (1, -1))])[0]) if np.size(scores) else math.nan


def _strata(runs: pd.DataFrame) -> list[np.ndarray]:
    """The scores of one variant on each data set."""
    return [group.to_numpy(float) for _, group in runs.groupby("dataset", sort=False)["score"]]


def _resampled(strata: list[np.ndarray], resamples: int, seed: int) -> list[np.ndarray]:
    """(resamples, runs) of each data set, whose runs are drawn with replacement among themselves.

    Other variants do not change what is drawn of one.
    """
    random = np.random.default_rng(seed)
    return [scores[random.integers(len(scores), size=(resamples, len(scores)))] for scores in strata]


def _iqm(strata: list[np.ndarray]) -> np.ndarray:
    from scipy.stats import trim_mean

    return trim_mean(np.concatenate(strata, axis=1), 0.25, axis=1)


def _median(strata: list[np.ndarray]) -> np.ndarray:
    return np.median([scores.mean(axis=1) for scores in strata], axis=0)


def _mean(strata: list[np.ndarray]) -> np.ndarray:
    return np.mean([scores.mean(axis=1) for scores in strata], axis=0)


# Of (resamples, runs) on each data set, (resamples,).
STATISTICS: dict[str, Callable[[list[np.ndarray]], np.ndarray]] = {"iqm": _iqm, "median": _median, "mean": _mean}


def aggregate(frame: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """One row a variant of normalised runs, the lowest interquartile mean first.

    Columns: variant, runs, datasets; iqm of all its runs; median and mean of its mean scores on the data sets; of each
    the 95% interval <name>_low, <name>_high, by a bootstrap of the runs within each data set. That is too narrow of few
    seeds, and nan where a data set has but one.
    """
    records = []
    for variant, runs in frame.groupby("variant", sort=False):
        strata = _strata(runs)
        drawn = _resampled(strata, resamples, seed)
        record: dict[str, object] = {"variant": variant, "runs": len(runs), "datasets": len(strata)}
        for name, statistic in STATISTICS.items():
            low, high = percentiles(statistic(drawn)) if min(map(len, strata)) > 1 else UNKNOWN
            value = float(statistic([scores[None] for scores in strata])[0])
            record |= {name: value, f"{name}_low": low, f"{name}_high": high}
        records.append(record)
    columns = [f"{name}{end}" for name in STATISTICS for end in ("", "_low", "_high")]
    found = pd.DataFrame.from_records(records, columns=["variant", "runs", "datasets", *columns])
    return found.sort_values("iqm", ignore_index=True, kind="stable")


def profile(
    frame: pd.DataFrame, taus: Sequence[float] | np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """The run-score distribution of each variant (section 4.2), one row a variant and tau, in the given order.

    Columns: variant, tau; share of runs of score <= tau, the mean over data sets; low, high, the 95% interval at that
    tau alone, as `aggregate` finds it.
    """
    records = []
    for variant, runs in frame.groupby("variant", sort=False):
        strata = _strata(runs)
        drawn = _resampled(strata, resamples, seed)
        for tau in taus:
            share = float(_mean([(scores <= tau)[None] for scores in strata])[0])
            band = percentiles(_mean([scores <= tau for scores in drawn])) if min(map(len, strata)) > 1 else UNKNOWN
            records.append((variant, float(tau), share, *band))
    return pd.DataFrame.from_records(records, columns=["variant", "tau", "share", "low", "high"])
