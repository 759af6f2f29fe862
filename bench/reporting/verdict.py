"""The answer at the top of a report: what is claimed of the baseline, against each rival."""

import math
from functools import partial

import pandas as pd

from bench.analysis import claims, frames, sensitivity
from bench.analysis.claims import MARGIN, Verdict
from bench.analysis.frames import Record
from bench.analysis.significance import SEEDS_FOR_SIGNIFICANCE
from bench.experiment.labels import without_settings
from bench.reporting.group import Group
from bench.reporting.table import Cell, Table, number, span, word

MOST_RIVALS = 12  # in the table; claims.csv has all
MOST_MORE = 200  # seeds that are named; beyond, the difference is too small to matter
FEWEST_SETTINGS = 4  # of a method, to compare how steady methods are over settings
OVER_SETTINGS = "is steadier over settings"
ABOUT = (
    "The first variant that was named, against each rival. Effect: the ratio of geometric means (below 1: better); for "
    "steadiness, the ratio of the standard deviations of log distances; for the prior, the difference of the accuracy "
    f"of telling codes from samples. *No difference*: more than {MARGIN:.0%} is excluded by two one-sided tests. A "
    "verdict needs 5 values on each side. p-values are adjusted (Holm) over the rivals of one claim. More seeds: for a "
    "power of 80%, at the difference and spread seen so far."
)


def baseline(group: Group) -> str | None:
    """Return the variant that claims are about: the first that was named and has finished; None if there is none."""
    finished = set(group.last["variant"]) if len(group.last) else set()
    return next((label for label in group.description.methods if label in finished), None)


def claimed(group: Group) -> pd.DataFrame:
    """Return all claims, with the columns of `claims.compare`."""
    about = baseline(group)
    if about is None or group.headline is None:
        return pd.DataFrame(columns=claims.COLUMNS)
    settings = _by_setting(group)
    if settings:
        return claims.compare(OVER_SETTINGS, settings, without_settings(about), claims.spread)
    compare = partial(claims.compare, baseline=about)
    distance = _positive(group.values(group.headline))
    parts = [compare("reaches a lower distance", distance, how=claims.ratio)]
    for unit in ("images", "seconds") if len(group.times) else ():
        if unit == "images" or group.comparable_times:
            taken = group.times.groupby("variant", sort=False)[unit].agg(list)
            values = {str(variant): each for variant, each in taken.items()}
            parts.append(compare(f"converges faster in {unit}", values, how=claims.times))
    parts.append(compare("is steadier over seeds", distance, how=claims.spread))
    parts.append(compare("matches its prior better", _same_prior(group, about), how=claims.difference))
    parts.append(compare("reconstructs better", _positive(group.values("reconstruction_test")), how=claims.ratio))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def _positive(values: dict[str, list[float]]) -> dict[str, list[float]]:
    return {variant: each for variant, each in values.items() if min(each) > 0}


def _same_prior(group: Group, about: str) -> dict[str, list[float]]:
    """How well codes are told apart from samples, for variants with the prior of `about`."""
    priors = dict(zip(group.summary["variant"], group.summary["prior"], strict=True))
    told = group.values("latent_c2st")
    return {variant: values for variant, values in told.items() if priors[variant] == priors[about]}


def _by_setting(group: Group) -> dict[str, list[float]]:
    """The mean scores of the settings of each method and prior, if one has several settings; else empty.

    A claim about the best of several settings would be about the choice, which was made on the reported values.
    """
    results = group.results
    if results.empty or group.summary["variant"].map(without_settings).is_unique:
        return {}
    means = {
        str(variant): [mean for mean in sensitivity.setting_means(subset) if 0 < mean < math.inf]
        for variant, subset in results.groupby("variant", sort=False)
    }
    return {variant: values for variant, values in means.items() if len(values) >= FEWEST_SETTINGS}


def tables(group: Group) -> list[Table]:
    """Return the table of claims; none if there is no rival."""
    found = claimed(group)
    if found.empty:
        return []
    rivals = list(dict.fromkeys(found["rival"]))[:MOST_RIVALS]
    rows = [_row(record) for record in frames.records(found[found["rival"].isin(rivals)])]
    left_out = found["rival"].nunique() - len(rivals)
    about = ABOUT + (f" {left_out} more rivals are in claims.csv." if left_out else "")
    headings = ["against", "claim", "verdict", "effect", "95% interval", "p (Holm)"]
    return [Table("verdict", f"Verdict on {found['baseline'].iloc[0]}", headings, rows, about, words=3)]


def _row(record: Record) -> list[Cell]:
    return [
        word(record["rival"]),
        word(record["claim"]),
        word(_sentence(record)),
        number(record["effect"]),
        span(record["low"], record["high"]),
        number(record["p_holm"]) if min(record["n"], record["n_rival"]) > 1 else word("-"),
    ]


def _sentence(record: Record) -> str:
    """The verdict in words: 'undecided: about 12 more seeds would tell'."""
    verdict, note, n = record["verdict"], record["note"], min(record["n"], record["n_rival"])
    if verdict == Verdict.same:
        return f"no difference larger than {MARGIN:.0%}"
    if n < SEEDS_FOR_SIGNIFICANCE:
        return f"undecided: fewer than {SEEDS_FOR_SIGNIFICANCE} values"
    if verdict == Verdict.undecided and not math.isnan(record["needed"]):
        more = max(int(record["needed"]) - n, 1)
        what = "setting" if record["claim"] == OVER_SETTINGS else "seed"
        if more > MOST_MORE:
            return f"undecided: more than {MOST_MORE} further {what}s are needed"
        return f"undecided: about {more} more {what}{'s' if more > 1 else ''} would tell"
    return f"{verdict} ({note})" if note else verdict
