"""How far a score depends on settings and on luck: one method over a grid, or a search, of its hyperparameters.

`results`, everywhere: one row a trial, such as `search.results` gives. method; variant, the label without what is
varied; seed; state; score, the final distance, lower is better, infinite for a trial that did not come to its end;
learning_rate; and, besides what `search.COLUMNS` names, one column a hyperparameter, nan where a method has it not.

A setting is a combination of the learning rate and all hyperparameters. Neither torch nor ray is imported.
"""

import math
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis import search


def varied(results: pd.DataFrame) -> list[str]:
    """The hyperparameters, learning_rate first, that have two values or more within some variant."""
    return [name for name in _setting(results) if (results.groupby("variant")[name].nunique() > 1).any()]


def spread(results: pd.DataFrame) -> pd.DataFrame:
    """One row a variant, in the order of `results`.

    Columns: variant; trials; diverged_share, of trials that diverged or failed; best, the lowest mean score of a
    setting over its seeds; near_best_share, of all trials those within 10% of it; median, over all trials, and worst,
    of those that ended; seed_sd_log and setting_sd_log.

    The last two are natural logarithms, so that 0.1 is about 10%, and of the scores of trials that ended: what
    instability costs beyond them is in the shares. seed_sd_log is the sd within settings, pooled; nan where no setting
    has two seeds. setting_sd_log is the sd of the settings' means, with what the luck of seeds is left in them.
    """
    records = []
    for variant, group in results.groupby("variant", sort=False):
        scores = _scores(group)
        best = _means(group).min()
        ended = scores[scores < math.inf]
        record: dict[str, Any] = {"variant": variant, "trials": len(group)}
        record |= {"diverged_share": group["state"].isin(["diverged", "failed"]).mean(), "best": best}
        # Where no setting ended with all its seeds the best is infinite, and nothing is near it.
        record |= {"near_best_share": float((scores <= search.NEAR * best).mean()) if best < math.inf else 0.0}
        record |= {"median": scores.median(), "worst": ended.max()}
        records.append(record | _deviations(group.loc[ended.index]))
    return pd.DataFrame.from_records(records)


def lines(results: pd.DataFrame, hyperparameter: str) -> pd.DataFrame:
    """The score against one hyperparameter, a line for each variant that has it: one row a variant and value.

    Columns: variant; value; mean, over seeds, at the best setting of this value: the lowest over all other
    hyperparameters, infinite where none ended with all its seeds; least and greatest, the score of any trial at this
    value that ended: how much there is to lose by the others; n, of trials, and failed, those of them without a score.

    So a line says what a value allows to one who chooses the rest well; on a grid, where all values are crossed with
    the same choices, and not along a search, which tries each value once.
    """
    records = []
    for variant, mine in results.groupby("variant", sort=False):
        for value, group in mine.groupby(hyperparameter):  # in order of values, which one variant has of one type
            scores = _scores(group)
            ended = scores[scores < math.inf]
            record = {"variant": variant, "value": value, "mean": _means(group).min()}
            record |= {"least": ended.min(), "greatest": ended.max()}
            records.append(record | {"n": len(scores), "failed": len(scores) - len(ended)})
    return pd.DataFrame.from_records(records, columns=["variant", "value", "mean", "least", "greatest", "n", "failed"])


def _setting(results: pd.DataFrame) -> list[str]:
    """The columns that make up a setting; not the point, which only numbers them."""
    return ["learning_rate", *(str(c) for c in results.columns if c not in search.COLUMNS and c != "prior")]


def _scores(results: pd.DataFrame) -> pd.Series:
    return results["score"].fillna(math.inf)  # one that ended without a score must not make a mean of the others


def _means(results: pd.DataFrame) -> pd.Series:
    """The mean score over seeds of each setting of one variant."""
    scored = results.assign(score=_scores(results))
    return scored.groupby(_setting(results), dropna=False, sort=False)["score"].mean()


def _deviations(ended: pd.DataFrame) -> dict[str, float]:
    """The standard deviations of `spread`, from the trials of one variant that ended."""
    settings = ended.assign(score=np.log(ended["score"])).groupby(_setting(ended), dropna=False, sort=False)["score"]
    freedom = len(ended) - settings.ngroups
    within = float((settings.count() - 1).mul(settings.var().fillna(0)).sum())
    seed_sd = math.sqrt(within / freedom) if freedom else math.nan
    return {"seed_sd_log": seed_sd, "setting_sd_log": float(settings.mean().std())}
