"""How strongly a score depends on settings and on the seed, over a hyperparameter grid or a search.

`results` has one row per trial, as returned by `search.results` or `Group.results`: method; variant, the label without
the varied settings; seed; state; score, the final distance (lower is better; infinite if the trial did not finish);
learning_rate; and one column per hyperparameter, nan if a method does not have it.

A setting is a combination of the learning rate and all hyperparameters. Imports neither torch nor ray.
"""

import math

import numpy as np
import pandas as pd

from bench.analysis import search
from bench.analysis.frames import Record
from bench.store.states import State

LINES = ["variant", "value", "mean", "median", "settings", "least", "greatest", "n", "failed"]  # of `lines`
LOST = tuple(state for state in State if state.is_lost)


def spread(results: pd.DataFrame) -> pd.DataFrame:
    """Return one row per variant, in the order of `results`.

    Columns: variant; trials; diverged_share, the share of LOST trials (diverged or failed); best, the lowest mean score
    of a setting over its seeds; near_best_share, the share of all trials within 10% of it; median, over all trials;
    least and worst, over finished trials; seed_sd_log and setting_sd_log.

    The last two are standard deviations of the natural logarithm of the score, so that 0.1 means about 10%. They cover
    finished trials only; lost trials count only in the shares. seed_sd_log is the pooled standard
    deviation within settings; nan if no setting has two seeds. setting_sd_log is the standard deviation across
    settings' geometric means; it still includes residual seed noise.
    """
    records = []
    for variant, subset in results.groupby("variant", sort=False):
        scores = _scores(subset)
        best = setting_means(subset).min()
        finished = scores[scores < math.inf]
        record: Record = {"variant": variant, "trials": len(subset)}
        record |= {"diverged_share": subset["state"].isin(LOST).mean(), "best": best}
        # If no setting finished with all its seeds, the best is infinite and no trial counts as near it.
        record |= {"near_best_share": float((scores <= search.NEAR * best).mean()) if best < math.inf else 0.0}
        record |= {"least": finished.min(), "median": scores.median(), "worst": finished.max()}
        records.append(record | _deviations(subset.loc[finished.index]))
    return pd.DataFrame.from_records(records)


def lines(results: pd.DataFrame, hyperparameter: str) -> pd.DataFrame:
    """Return the score against one hyperparameter: one row per variant and value.

    Columns: variant; value; mean, over seeds, of the best setting with this value (the lowest over all other
    hyperparameters; infinite if none finished with all its seeds); median, over the same settings; settings, how many
    there are; least and greatest, the lowest and the highest score of a finished trial with this value (their distance
    shows how much the other hyperparameters matter); n, the number of trials; failed, the number of trials without a
    score.

    A line shows what can be achieved with a value if the other hyperparameters are chosen well. This needs a grid,
    which crosses all values with the same choices. A search tries each value only once.
    """
    records = []
    for variant, subset in results.groupby("variant", sort=False):
        for value, same_value in subset.groupby(hyperparameter):  # sorted: within a variant all values have one type
            scores = _scores(same_value)
            finished = scores[scores < math.inf]
            means = setting_means(same_value)
            record = {"variant": variant, "value": value, "mean": means.min()}
            record |= {"median": means.median(), "settings": len(means)}
            record |= {"least": finished.min(), "greatest": finished.max()}
            records.append(record | {"n": len(scores), "failed": len(scores) - len(finished)})
    return pd.DataFrame.from_records(records, columns=LINES)


def ranges(results: pd.DataFrame) -> pd.DataFrame:
    """Return one row per variant and numeric setting that was varied within it: variant, setting, low, high."""
    records = []
    for variant, subset in results.groupby("variant", sort=False):
        for setting in search.varied(subset):
            values = subset[setting].dropna()
            if pd.api.types.is_numeric_dtype(values.infer_objects()) and not pd.api.types.is_bool_dtype(values):
                records.append({"variant": variant, "setting": setting, "low": values.min(), "high": values.max()})
    return pd.DataFrame.from_records(records, columns=["variant", "setting", "low", "high"])


def _scores(results: pd.DataFrame) -> pd.Series:
    return results["score"].fillna(math.inf)  # otherwise a mean would skip missing scores


def setting_means(results: pd.DataFrame) -> pd.Series:
    """Return the mean score over seeds of each setting; `results` are of one variant."""
    scored = results.assign(score=_scores(results))
    return scored.groupby(search.setting_columns(results), dropna=False, sort=False)["score"].mean()


def typical_scores(results: pd.DataFrame) -> pd.Series:
    """Return the geometric mean over the finished seeds of each setting that has any; `results` are of one variant."""
    finished = results[_scores(results) < math.inf]
    logs = finished.assign(score=np.log(finished["score"]))
    return logs.groupby(search.setting_columns(results), dropna=False, sort=False)["score"].mean().map(math.exp)


def _deviations(finished: pd.DataFrame) -> dict[str, float]:
    """The standard deviations of `spread`, for the finished trials of one variant."""
    logs = finished.assign(score=np.log(finished["score"]))
    settings = logs.groupby(search.setting_columns(finished), dropna=False, sort=False)["score"]
    freedom = len(finished) - settings.ngroups
    within = float((settings.count() - 1).mul(settings.var().fillna(0)).sum())
    seed_sd = math.sqrt(within / freedom) if freedom else math.nan
    return {"seed_sd_log": seed_sd, "setting_sd_log": float(np.log(typical_scores(finished)).std())}
