"""Claims about one variant, the baseline, against each of its rivals: better, worse, no difference, or undecided.

Lower values are better everywhere. Values of one variant are those of its seeds (or settings). A claim needs
SEEDS_FOR_SIGNIFICANCE values on both sides; Holm's method adjusts p over the rivals of one claim. "No difference" is
claimed by two one-sided tests (Schuirmann, Journal of Pharmacokinetics 15, 1987): the 90% interval lies within the
margin. Imports neither torch nor ray.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd

from bench.analysis import power, significance
from bench.analysis.power import LEVEL, SEEDS_FOR_SIGNIFICANCE

MARGIN = 0.05  # the smallest difference worth telling: 5% of a distance or time, 0.05 of an accuracy
RANKS = "ranks of times, where seeds that never reach the target come last"
COLUMNS = ["claim", "baseline", "rival", "effect", "low", "high", "p", "p_holm"]  # of `compare`
COLUMNS += ["verdict", "n", "n_rival", "needed", "note", "margin", "low_90", "high_90"]
Values = list[float]


class Verdict(StrEnum):
    """The outcome of one claim; `same` is "no difference larger than the margin"."""

    better = "better"
    worse = "worse"
    same = "no difference"
    undecided = "undecided"


@dataclass(frozen=True)
class Criteria:
    """What a comparison has to meet.

    Attributes:
        margin: the smallest difference worth telling, as a fraction; of accuracies, as it is.
        comparisons: how many rivals the baseline is compared with in one claim.
    """

    margin: float = MARGIN
    comparisons: int = 1


CRITERIA = Criteria()


@dataclass(frozen=True)
class Effect:
    """How two samples differ.

    Attributes:
        value: a ratio (1: equal) or a difference (0: equal); below that, the first sample is better.
        low: lower end of the 95% interval; nan if there is none.
        high: its upper end.
        p: of a permutation test.
        same: whether a difference beyond the margin is excluded.
        needed: estimate of the values per side that would decide the claim; nan if it is unknown.
        better: whether the first sample is better, if they differ.
        note: what else to know, such as how many values are infinite.
        low_90: lower end of the 90% interval, whose place within the margin is `same`; nan if there is none.
        high_90: its upper end.
    """

    value: float
    low: float
    high: float
    p: float
    same: bool
    needed: float
    better: bool
    note: str = ""
    low_90: float = math.nan
    high_90: float = math.nan


UNKNOWN = Effect(math.nan, math.nan, math.nan, math.nan, same=False, needed=math.nan, better=False)


def ratio(a: Values, b: Values, criteria: Criteria = CRITERIA) -> Effect:
    """Compare the geometric means of positive values."""
    logs = replace(criteria, margin=math.log1p(criteria.margin))
    effect = difference([math.log(x) for x in a], [math.log(x) for x in b], logs)
    logarithms = ("value", "low", "high", "low_90", "high_90")
    return replace(effect, **{name: math.exp(getattr(effect, name)) for name in logarithms})


def difference(a: Values, b: Values, criteria: Criteria = CRITERIA) -> Effect:
    """Compare the means: Welch's intervals, an exact permutation test."""
    value = float(np.mean(a) - np.mean(b))
    margin = criteria.margin
    low_90, high_90 = significance.welch(a, b, 1 - 2 * LEVEL)
    spread = math.sqrt((np.var(a, ddof=1) + np.var(b, ddof=1)) / 2) if min(len(a), len(b)) > 1 else math.nan
    return Effect(
        value,
        *significance.welch(a, b),
        p=significance.permutation_p(a, b),
        same=-margin < low_90 and high_90 < margin,
        needed=power.needed(abs(value), spread, margin, criteria.comparisons),
        better=value < 0,
        low_90=low_90,
        high_90=high_90,
    )


def times(a: Values, b: Values, criteria: Criteria = CRITERIA) -> Effect:
    """Compare times to a target, infinite where it was missed: as ratios, or by ranks if any is infinite."""
    if all(map(math.isfinite, [*a, *b])):
        return ratio(a, b, criteria)
    reached = [sum(map(math.isfinite, each)) for each in (a, b)]
    note = f"the target was reached by {reached[0]} of {len(a)} against {reached[1]} of {len(b)} seeds"
    if not any(reached):
        return replace(UNKNOWN, note=note)
    effect = difference(*_ranks(a, b))
    return replace(UNKNOWN, p=effect.p, better=effect.better, note=f"{note}; tested: {RANKS}")


def _ranks(a: Values, b: Values) -> tuple[Values, Values]:
    ranks = pd.Series([*a, *b]).rank().tolist()
    return ranks[: len(a)], ranks[len(a) :]


def spread(a: Values, b: Values, criteria: Criteria = CRITERIA) -> Effect:
    """Compare the standard deviations of the logarithms: their ratio, with its F interval.

    The p-value is that of a permutation test of the distances from the median (Brown & Forsythe, JASA 69, 1974).
    """
    from scipy.special import fdtri

    x, y = np.log(a), np.log(b)
    if min(len(x), len(y)) < significance.SEEDS_FOR_INTERVAL or not x.std() or not y.std():
        return UNKNOWN
    value = float(x.std(ddof=1) / y.std(ddof=1))
    low, high = (value / math.sqrt(fdtri(len(x) - 1, len(y) - 1, q)) for q in (1 - LEVEL / 2, LEVEL / 2))
    # The estimate is of what the test compares: one outlier makes a large ratio, but decides nothing.
    first, second = (np.abs(each - np.median(each)).tolist() for each in (x, y))
    effect = difference(first, second, replace(criteria, margin=0.0))
    # Where it should be enough already, the test is less powerful than the estimate, so how many it takes is unknown.
    needed = effect.needed if effect.needed > min(len(x), len(y)) else math.nan
    return Effect(value, low, high, effect.p, same=False, needed=needed, better=value < 1)


def compare(
    claim: str,
    values: Mapping[str, Values],
    baseline: str,
    how: Callable[[Values, Values, Criteria], Effect],
    margin: float = MARGIN,
) -> pd.DataFrame:
    """Return one row per rival of the baseline.

    Columns: claim; baseline, rival; effect, low, high; p, p_holm; verdict; n, n_rival; needed, the values per side that
    would decide it; note; margin; low_90, high_90, the interval that lies within the margin if the verdict is that
    there is no difference. Variants without values are left out.

    Args:
        claim: name of the claim, such as "reaches a lower distance".
        values: variant -> values.
        baseline: a key of `values`; without it the result is empty.
        how: `ratio`, `difference`, `times` or `spread`.
        margin: see `Criteria`.
    """
    mine = values.get(baseline)
    rivals = {variant: each for variant, each in values.items() if variant != baseline and each} if mine else {}
    criteria = Criteria(margin, max(len(rivals), 1))
    effects = {variant: how(mine, each, criteria) for variant, each in rivals.items()} if mine else {}
    adjusted = significance.holm([effect.p for effect in effects.values()])
    records = []
    for (rival, effect), p_holm in zip(effects.items(), adjusted, strict=True):
        n, n_rival = len(mine or []), len(rivals[rival])
        record = {"claim": claim, "baseline": baseline, "rival": rival}
        record |= {"effect": effect.value, "low": effect.low, "high": effect.high, "p": effect.p, "p_holm": p_holm}
        record |= {"verdict": str(_verdict(effect, p_holm, min(n, n_rival))), "n": n, "n_rival": n_rival}
        needed = max(effect.needed, power.fewest(len(rivals)))  # nan if it is unknown
        record |= {"needed": needed, "note": effect.note, "margin": margin}
        records.append(record | {"low_90": effect.low_90, "high_90": effect.high_90})
    return pd.DataFrame.from_records(records, columns=COLUMNS)


def _verdict(effect: Effect, p_holm: float, n: int) -> Verdict:
    if n < SEEDS_FOR_SIGNIFICANCE:
        return Verdict.undecided
    if effect.same:  # even if it is significant: it is not worth telling
        return Verdict.same
    if p_holm <= LEVEL:
        return Verdict.better if effect.better else Verdict.worse
    return Verdict.undecided
