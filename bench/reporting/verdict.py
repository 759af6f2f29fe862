"""The answer at the top of a report: what is claimed of the baseline, against each rival."""

from functools import partial

import pandas as pd

from bench.analysis import claims, sensitivity
from bench.experiment.labels import is_named, split_mark, without_settings
from bench.reporting import design
from bench.reporting.group import Group
from bench.reporting.sentences import DISTANCE, IMAGES, PRIOR, RECONSTRUCTION, SECONDS, SEEDS, SETTINGS


def baseline(group: Group) -> str | None:
    """Return the variant that claims are about, if it has finished: the one asked for, or the first that was named."""
    finished = sorted(set(group.last["variant"]) - group.superseded) if len(group.last) else []
    first = {split_mark(variant)[0]: variant for variant in reversed(finished)}  # stale only if there are no others
    asked = group.description.report.baseline
    named = [label for label in group.description.methods if asked is None or is_named(label, asked)]
    return next((first[label] for label in sorted(named, key=lambda label: label != asked) if label in first), None)


def claimed(group: Group) -> pd.DataFrame:
    """Return all claims, with the columns of `claims.compare`."""
    about, margin = baseline(group), group.description.report.margin
    if about is None or group.headline is None:
        return pd.DataFrame(columns=claims.COLUMNS)
    settings = _by_setting(group)
    if settings:
        return claims.compare(SETTINGS.name, settings, without_settings(about), claims.spread, margin)
    compare = partial(claims.compare, baseline=about, margin=margin)
    distance = _positive(group.values(group.headline))
    parts = [compare(DISTANCE.name, distance, how=claims.ratio)]
    for unit, claim in (("images", IMAGES), ("seconds", SECONDS)) if len(group.times) else ():
        if unit == "images" or group.comparable_times:
            compared = group.times[~group.times["variant"].isin(group.superseded)]
            taken = compared.groupby("variant", sort=False)[unit].agg(list)
            values = {str(variant): each for variant, each in taken.items()}
            parts.append(compare(claim.name, values, how=claims.times))
    parts.append(compare(SEEDS.name, distance, how=claims.spread))
    parts.append(compare(PRIOR.name, _same_prior(group, about), how=claims.difference))
    parts.append(compare(RECONSTRUCTION.name, _positive(group.values("reconstruction_test")), how=claims.ratio))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def _positive(values: dict[str, list[float]]) -> dict[str, list[float]]:
    return {variant: each for variant, each in values.items() if min(each) > 0}


def _same_prior(group: Group, about: str) -> dict[str, list[float]]:
    """How well codes are told apart from samples, for variants with the prior of `about`."""
    priors = dict(zip(group.summary["variant"], group.summary["prior"], strict=True))
    told = group.values("latent_c2st")
    return {variant: values for variant, values in told.items() if priors[variant] == priors[about]}


def _by_setting(group: Group) -> dict[str, list[float]]:
    """The typical scores of the settings of each method and prior, if one has several settings; else empty.

    A claim about the best of several settings would be about the choice, which was made on the reported values.
    """
    results = group.results
    if results.empty or group.summary["variant"].map(without_settings).is_unique:
        return {}
    typical = {
        str(variant): sensitivity.typical_scores(subset[subset["score"] > 0]).tolist()
        for variant, subset in results.groupby("variant", sort=False)
    }
    return {variant: values for variant, values in typical.items() if len(values) >= design.FEWEST_SETTINGS}
