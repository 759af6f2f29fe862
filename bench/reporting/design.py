"""What a design can show: what is compared, whether any difference can be significant, how many seeds would be needed.

A dry run prints it, so this module does not import pandas.
"""

import math
from collections import Counter
from collections.abc import Container, Mapping, Sequence

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


def is_over_seeds(label: str, methods: Container[str], baseline: str | None = None) -> bool:
    """Whether a variant is compared over its seeds with others, one by one.

    A method that is compared over its settings takes part with its defaults only, if they are among its settings: a
    claim about its best setting would be about the choice, which was made on the reported values.

    Args:
        label: the variant, without a mark.
        methods: those of `over_settings`.
        baseline: a variant that is compared in any case, because it was asked for.
    """
    method = without_settings(label)
    return method not in methods or label in (method, baseline)


def sentences(
    labels: Sequence[str],
    seeds: int,
    margin: float,
    spread: float | None = None,
    baseline: str | None = None,
    methods: Mapping[str, int] | None = None,
) -> list[str]:
    """Return sentences on the power of a design; none if there is nothing to compare.

    Args:
        labels: the variants.
        seeds: seeds per variant.
        margin: the smallest difference worth telling, as a fraction.
        spread: standard deviation of the logarithm of distances over seeds; None or nan if it is not known yet.
        baseline: the variant that was asked for, if one was.
        methods: those of `over_settings`, if they do not follow from these labels.
    """
    methods = over_settings(labels) if methods is None else methods
    rivals = len({label for label in labels if is_over_seeds(label, methods, baseline)}) - 1
    lines = _families(min(methods.values()), "setting", len(methods) - 1) if methods else []
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
