"""Defaults that hold on several data sets: what a point costs on each, compared with the best point found there.

Searches visit the same points on every data set, because points lie at the same quantiles of the search spaces. The
arguments `searches` map a data set to the frame of `search.results`. Imports neither torch nor ray.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bench.analysis import frames, search

Searches = Mapping[str, pd.DataFrame]
ALLOWED = 0.15  # a default may be this much worse than the best point of a data set


def regrets(searches: Searches) -> pd.DataFrame:
    """Return one row per variant and point that finished on every data set.

    Columns: variant, point; <data set>, the mean score over its tuning seeds; <data set>_regret, how much higher it is
    than the score of the best point there, as a fraction; regret, the mean over the data sets of log(1 + regret). A
    variant that was not searched on all data sets is left out.
    """
    parts = []
    for dataset, results in searches.items():
        scored = search.scores(results)
        lowest = scored.merge(pd.Series(search.best(results), name="best").rename_axis("variant").reset_index())
        lowest = lowest.loc[lowest["point"] == lowest["best"]].set_index("variant")["score"]
        scored = scored[(scored["score"] < math.inf) & scored["variant"].isin(lowest.index)]
        ratio = scored["score"] / scored["variant"].map(lowest)
        part = scored.rename(columns={"score": dataset}).assign(**{f"{dataset}_regret": ratio - 1})
        parts.append(part.set_index(["variant", "point"]))
    table = pd.concat(parts, axis=1, join="inner")
    table["regret"] = np.log1p(table[[f"{dataset}_regret" for dataset in searches]]).mean(axis=1)
    return table.reset_index()


def defaults(table: pd.DataFrame) -> pd.DataFrame:
    """Return the row of each variant with the lowest mean regret; `table` is the result of `regrets`."""
    return table.loc[table.groupby("variant", sort=False)["regret"].idxmin()].reset_index(drop=True)


def exceptions(chosen: pd.DataFrame, searches: Searches) -> list[tuple[str, str]]:
    """Return the (variant, data set) pairs whose default is more than ALLOWED worse than the best point there."""
    return [
        (row["variant"], dataset)
        for row in frames.records(chosen)
        for dataset in searches
        if row[f"{dataset}_regret"] > ALLOWED
    ]


def gains(searches: Searches, counts: Sequence[int] = (1, 2, 4, 8, 12, 16)) -> pd.DataFrame:
    """Return what more points would gain: how far the expected best of k points lies above the best of all.

    Returns:
        One row per variant and data set: variant, dataset, points; and for each k in `counts`, up to the number of
        points, a column of that name: the excess over the best score, as a fraction. A point that did not finish counts
        as the worst that did. Variants without a finished point are left out.
    """
    records = []
    for dataset, results in searches.items():
        for variant, mine in search.scores(results).groupby("variant", sort=False):
            finite = mine["score"][mine["score"] < math.inf]
            if finite.empty:
                continue
            expected = search.expected_best(mine["score"].clip(upper=finite.max()).tolist())
            excess = {str(k): expected[k - 1] / finite.min() - 1 for k in counts if k <= len(expected)}
            records.append({"variant": variant, "dataset": dataset, "points": len(expected), **excess})
    return pd.DataFrame.from_records(records)


def values(results: pd.DataFrame, variant: str, point: int) -> dict[str, object]:
    """Return the searched values of a point: name -> value."""
    mine = results[results["variant"] == variant]
    chosen = frames.records(mine[mine["point"] == point])[0]
    return {name: chosen[name] for name in search.varied(mine)}


def weights(searches: Searches, units: Mapping[str, float], count: int = 3) -> pd.DataFrame:
    """Return how far a penalty's weight transfers, in relative and in absolute units.

    Args:
        searches: by data set.
        units: data set -> the unit of relative weights there.
        count: the best weight of a data set is the geometric mean over so many best points.

    Returns:
        One row per variant with a weight (or a VAE's beta, which is absolute): variant, name; <data set>, the best
        weight as it is set; and the ratio of the greatest to the least over the data sets, relative_spread if weights
        are in units of the variance, absolute_spread if they are in units of the reconstruction error.
    """
    records = []
    shared = set.intersection(*(set(results["variant"]) for results in searches.values()))
    for variant in next(iter(searches.values()))["variant"].unique():
        found = {dataset: _best_weight(results, variant, count) for dataset, results in searches.items()}
        if variant not in shared or not all(found.values()):
            continue
        names = {name for name, _ in filter(None, found.values())}
        best = {dataset: weight for dataset, (_, weight) in ((d, f) for d, f in found.items() if f)}
        other = {d: w * units[d] if names == {"weight"} else w / units[d] for d, w in best.items()}
        spreads = [max(each.values()) / min(each.values()) for each in (best, other)]
        relative, absolute = spreads if names == {"weight"} else spreads[::-1]
        record = {"variant": variant, "name": min(names), **best}
        records.append(record | {"relative_spread": relative, "absolute_spread": absolute})
    return pd.DataFrame.from_records(records)


def _best_weight(results: pd.DataFrame, variant: str, count: int) -> tuple[str, float] | None:
    mine = results[results["variant"] == variant]
    name = next((name for name in ("weight", "beta") if name in search.varied(mine)), None)
    points = search.finalists(mine, count).get(variant)
    if name is None or not points:
        return None
    chosen = mine[mine["point"].isin(points)].drop_duplicates("point")[name]
    return name, float(np.exp(np.log(chosen.astype(float)).mean()))
