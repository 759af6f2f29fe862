"""What a design can show: what is compared, whether any difference can be significant, how many seeds would be needed.

A dry run prints it, so this module does not import pandas.
"""

import math
from collections import Counter
from collections.abc import Sequence

from bench.analysis import power
from bench.errors import plural
from bench.experiment.labels import without_settings

FEWEST_SETTINGS = power.SEEDS_FOR_SIGNIFICANCE  # of a method, to compare how steady methods are over settings
ASSUMED = 0.1  # spread of distances over seeds before anything is trained; on digits it is 4% to 13%


def over_settings(labels: Sequence[str]) -> dict[str, int]:
    """Return the methods (with their priors) that are compared over their settings, and how many settings each has.

    It takes at least two. Settings of one method alone are variants like others.
    """
    counts = {name: count for name, count in Counter(map(without_settings, labels)).items() if count >= FEWEST_SETTINGS}
    return counts if len(counts) > 1 else {}


def over_seeds(labels: Sequence[str], baseline: str | None = None) -> list[str]:
    """Return the variants that are compared over their seeds, one by one.

    All are, if no methods are compared over their settings. Such a method takes part with its defaults, if they are
    among its settings: a claim about its best setting would be about the choice, which was made on the reported values.

    Args:
        labels: all variants.
        baseline: a variant that is compared in any case, because it was asked for.
    """
    methods = over_settings(labels)
    return [
        name for name in labels if without_settings(name) not in methods or name in (without_settings(name), baseline)
    ]


def sentences(labels: Sequence[str], seeds: int, margin: float, spread: float | None = None) -> list[str]:
    """Return sentences on the power of a design; none if there is nothing to compare.

    Args:
        labels: the variants.
        seeds: seeds per variant.
        margin: the smallest difference worth telling, as a fraction.
        spread: standard deviation of the logarithm of distances over seeds; None or nan if it is not known yet.
    """
    settings, rivals = over_settings(labels), len(set(over_seeds(labels))) - 1
    lines = _families(min(settings.values()), "setting", len(settings) - 1) if settings else []
    if rivals < 1:
        return lines
    return [*lines, *_families(seeds, "seed", rivals), _detectable(seeds, rivals, margin, spread)]


def _families(n: int, what: str, rivals: int) -> list[str]:
    """What can be significant: comparisons with the baseline and, if they are more, all pairs."""
    lines = [_possible(n, what, rivals, f"{plural(rivals, 'comparison')} with the baseline")]
    pairs = math.comb(rivals + 1, 2)
    return lines if pairs == rivals else [*lines, _possible(n, what, pairs, f"all {pairs} pairs")]


def _possible(n: int, what: str, comparisons: int, family: str) -> str:
    """Whether any exact test of a family can be significant."""
    fewest = power.fewest(comparisons)
    if n < fewest:
        return f"{plural(n, what)} cannot make any difference significant in {family}: that takes {fewest}."
    least = power.least_p(n, comparisons)
    return f"{plural(n, what)} can make a clear difference significant in {family} (adjusted p as low as {least:.2g})."


def _detectable(n: int, rivals: int, margin: float, spread: float | None) -> str:
    """What difference is found with a power of 80%, and what finding the margin would take."""
    known = spread is not None and not math.isnan(spread) and spread > 0
    sd = spread if known and spread else ASSUMED
    enough = max(power.needed(math.log1p(margin), sd, 0, rivals), power.fewest(rivals))
    takes = f"{enough:,.0f} seeds" if not math.isnan(enough) else "more seeds than can be trained"
    given = f"If distances spread by {sd:.1%} over seeds ({'as seen so far' if known else 'assumed'})"
    found = math.expm1(power.detectable(sd, n, rivals))
    can = n >= power.fewest(rivals)  # else the line before says that no difference is significant
    finds = f"{plural(n, 'seed')} find a difference of {found:.0%} in 80% of cases, and one" if can else "a difference"
    return f"{given}, {finds} of {margin:.0%} takes {takes}."
