"""The answer at the top of a report: what is claimed of the baseline, against each rival."""

from collections.abc import Callable

import pandas as pd

from bench.analysis import claims, sensitivity
from bench.experiment.labels import is_named, split_mark, without_settings
from bench.reporting import design
from bench.reporting.group import Group
from bench.reporting.sentences import DISTANCE, IMAGES, PRIOR, RECONSTRUCTION, SECONDS, SEEDS, SETTINGS

Compare = Callable[[claims.Values, claims.Values, claims.Criteria], claims.Effect]


def baseline(group: Group) -> str | None:
    """Return the variant that claims are about, if it has finished: the one asked for, or the first that was named.

    Of a method that is compared over its settings it is the one with its defaults, if it has finished.
    """
    finished = sorted(set(group.last["variant"]) - group.superseded) if len(group.last) else []
    first = {split_mark(variant)[0]: variant for variant in reversed(finished)}  # stale only if there are no others
    asked = group.description.report.baseline
    named = [label for label in group.description.methods if asked is None or is_named(label, asked)]
    found = [label for label in sorted(named, key=lambda label: label != asked) if label in first]
    if not found:
        return None
    defaults = without_settings(found[0])
    is_default = defaults in over_settings(group) and defaults in first and found[0] != asked
    return first[defaults if is_default else found[0]]


def claimed(group: Group) -> pd.DataFrame:
    """Return all claims, with the columns of `claims.compare`."""
    about, margin = baseline(group), group.description.report.margin
    if about is None or group.headline is None:
        return pd.DataFrame(columns=claims.COLUMNS)
    compared = over_seeds(group)

    def compare(name: str, values: dict[str, list[float]], how: Compare) -> pd.DataFrame:
        return claims.compare(
            name, {label: each for label, each in values.items() if label in compared}, about, how, margin
        )

    distance = _positive(group.values(group.headline))
    parts = [compare(DISTANCE.name, distance, claims.ratio)]
    for unit, claim in (("images", IMAGES), ("seconds", SECONDS)) if len(group.times) else ():
        if unit == "images" or group.comparable_times:
            timed = group.times[~group.times["variant"].isin(group.superseded)]
            taken = timed.groupby("variant", sort=False)[unit].agg(list)
            parts.append(compare(claim.name, {str(variant): each for variant, each in taken.items()}, claims.times))
    parts.append(compare(SEEDS.name, distance, claims.spread))
    parts.append(claims.compare(SETTINGS.name, _by_setting(group), without_settings(about), claims.spread, margin))
    parts.append(compare(PRIOR.name, _same_prior(group, about), claims.difference))
    parts.append(compare(RECONSTRUCTION.name, _positive(group.values("reconstruction_test")), claims.ratio))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def over_settings(group: Group) -> dict[str, int]:
    """Return `design.over_settings` of what was planned: a method whose settings were lost is compared all the same."""
    begun = (split_mark(variant)[0] for variant in group.summary["variant"] if variant not in group.superseded)
    return design.over_settings(list(dict.fromkeys([*group.description.methods, *begun])))


def over_seeds(group: Group) -> list[str]:
    """Return the finished variants that are compared over their seeds."""
    done = group.summary.loc[group.summary["done"] > 0, "variant"]
    methods, asked = over_settings(group), group.description.report.baseline
    counted = [variant for variant in done if variant not in group.superseded]
    return [variant for variant in counted if design.is_over_seeds(split_mark(variant)[0], methods, asked)]


def _positive(values: dict[str, list[float]]) -> dict[str, list[float]]:
    return {variant: each for variant, each in values.items() if min(each) > 0}


def _same_prior(group: Group, about: str) -> dict[str, list[float]]:
    """How well codes are told apart from samples, for variants with the prior of `about`."""
    priors = dict(zip(group.summary["variant"], group.summary["prior"], strict=True))
    told = group.values("latent_c2st")
    return {variant: values for variant, values in told.items() if priors[variant] == priors[about]}


def _by_setting(group: Group) -> dict[str, list[float]]:
    """The typical scores of the settings of each method and prior that is compared over them."""
    methods = over_settings(group)
    superseded = {without_settings(variant) for variant in group.superseded}
    return {
        str(variant): sensitivity.typical_scores(subset[subset["score"] > 0]).tolist()
        for variant, subset in (group.results.groupby("variant", sort=False) if methods else ())
        if split_mark(str(variant))[0] in methods and variant not in superseded
    }
