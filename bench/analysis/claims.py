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

from bench.analysis import significance
from bench.analysis.significance import SEEDS_FOR_SIGNIFICANCE

MARGIN = 0.05  # the smallest difference worth telling: 5% of a distance or time, 0.05 of an accuracy
LEVEL = 0.05
COLUMNS = ["claim", "baseline", "rival", "effect", "low", "high", "p", "p_holm"]  # of `compare`
COLUMNS += ["verdict", "n", "n_rival", "needed", "note"]
Values = list[float]


class Verdict(StrEnum):
    """The outcome of one claim; `same` is "no difference larger than the margin"."""

    better = "better"
    worse = "worse"
    same = "no difference"
    undecided = "undecided"


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
    """

    value: float
    low: float
    high: float
    p: float
    same: bool
    needed: float
    better: bool
    note: str = ""


UNKNOWN = Effect(math.nan, math.nan, math.nan, math.nan, same=False, needed=math.nan, better=False)


def ratio(a: Values, b: Values) -> Effect:
    """Compare the geometric means of positive values."""
    effect = difference([math.log(x) for x in a], [math.log(x) for x in b], math.log1p(MARGIN))
    return replace(effect, value=math.exp(effect.value), low=math.exp(effect.low), high=math.exp(effect.high))


def difference(a: Values, b: Values, margin: float = MARGIN) -> Effect:
    """Compare the means: Welch's intervals, an exact permutation test."""
    value = float(np.mean(a) - np.mean(b))
    inner = significance.welch(a, b, 1 - 2 * LEVEL)
    spread = math.sqrt((np.var(a, ddof=1) + np.var(b, ddof=1)) / 2) if min(len(a), len(b)) > 1 else math.nan
    return Effect(
        value,
        *significance.welch(a, b),
        p=significance.permutation_p(a, b),
        same=-margin < inner[0] and inner[1] < margin,
        needed=_needed(abs(value), spread, margin),
        better=value < 0,
    )


def _needed(distance: float, spread: float, margin: float) -> float:
    """The values per side for a power of 80%: to find the difference seen so far, or to exclude the margin."""
    if math.isnan(spread):
        return math.nan
    found = 2 * (2.80 * spread / distance) ** 2 if distance else math.inf  # normal quantiles: 1.96 + 0.84
    excluded = 2 * (2.93 * spread / (margin - distance)) ** 2 if distance < margin else math.inf  # 1.645 + 1.28
    return _feasible(min(found, excluded))


def _feasible(needed: float) -> float:
    """A number of values as a whole number; nan if it is out of reach."""
    return math.ceil(needed) if needed < 1e6 else math.nan


def times(a: Values, b: Values) -> Effect:
    """Compare times to a target, infinite where it was missed: as ratios, or by ranks if any is infinite."""
    if all(map(math.isfinite, [*a, *b])):
        return ratio(a, b)
    reached = [sum(map(math.isfinite, each)) for each in (a, b)]
    note = f"the target was reached by {reached[0]} of {len(a)} against {reached[1]} of {len(b)}"
    if not any(reached):
        return replace(UNKNOWN, note=note)
    effect = difference(*_ranks(a, b))
    return replace(UNKNOWN, p=effect.p, better=effect.better, note=note)


def _ranks(a: Values, b: Values) -> tuple[Values, Values]:
    ranks = pd.Series([*a, *b]).rank().tolist()
    return ranks[: len(a)], ranks[len(a) :]


def spread(a: Values, b: Values) -> Effect:
    """Compare the standard deviations of the logarithms: their ratio, with its F interval.

    The p-value is that of a permutation test of the distances from the median (Brown & Forsythe, JASA 69, 1974).
    """
    from scipy.special import fdtri

    x, y = np.log(a), np.log(b)
    if min(len(x), len(y)) < 2 or not x.std() or not y.std():
        return UNKNOWN
    value = float(x.std(ddof=1) / y.std(ddof=1))
    low, high = (value / math.sqrt(fdtri(len(x) - 1, len(y) - 1, q)) for q in (1 - LEVEL / 2, LEVEL / 2))
    p = significance.permutation_p(*(np.abs(each - np.median(each)).tolist() for each in (x, y)))
    needed = 1 + (2.80 / math.log(value)) ** 2 if value != 1 else math.nan  # the log of an sd has variance 1 / 2(n - 1)
    return Effect(value, low, high, p, same=False, needed=_feasible(needed), better=value < 1)


def compare(
    claim: str, values: Mapping[str, Values], baseline: str, how: Callable[[Values, Values], Effect]
) -> pd.DataFrame:
    """Return one row per rival of the baseline.

    Columns: claim; baseline, rival; effect, low, high; p, p_holm; verdict; n, n_rival; needed, the values per side that
    would decide it; note. Variants without values are left out.

    Args:
        claim: name of the claim, such as "reaches a lower distance".
        values: variant -> values.
        baseline: a key of `values`; without it the result is empty.
        how: `ratio`, `difference`, `times` or `spread`.
    """
    mine = values.get(baseline)
    rivals = {variant: each for variant, each in values.items() if variant != baseline and each} if mine else {}
    effects = {variant: how(mine, each) for variant, each in rivals.items()} if mine else {}
    adjusted = significance.holm([effect.p for effect in effects.values()])
    records = []
    for (rival, effect), p_holm in zip(effects.items(), adjusted, strict=True):
        n, n_rival = len(mine or []), len(rivals[rival])
        record = {"claim": claim, "baseline": baseline, "rival": rival}
        record |= {"effect": effect.value, "low": effect.low, "high": effect.high, "p": effect.p, "p_holm": p_holm}
        record |= {"verdict": str(_verdict(effect, p_holm, min(n, n_rival))), "n": n, "n_rival": n_rival}
        needed = max(effect.needed, fewest(len(rivals)))  # nan if it is unknown
        records.append(record | {"needed": needed, "note": effect.note})
    return pd.DataFrame.from_records(records, columns=COLUMNS)


def fewest(rivals: int) -> int:
    """Return the values per side below which no exact permutation test can be significant against so many rivals."""
    n = SEEDS_FOR_SIGNIFICANCE
    while 2 * rivals / math.comb(2 * n, n) > LEVEL:
        n += 1
    return n


def _verdict(effect: Effect, p_holm: float, n: int) -> Verdict:
    if n < SEEDS_FOR_SIGNIFICANCE:
        return Verdict.undecided
    if p_holm <= LEVEL:
        return Verdict.better if effect.better else Verdict.worse
    return Verdict.same if effect.same else Verdict.undecided
