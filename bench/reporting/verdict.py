"""The answer at the top of a report: what is claimed of the baseline, against each rival."""

import math
from functools import partial

import pandas as pd

from bench.analysis import claims, frames, sensitivity
from bench.analysis.frames import Record
from bench.experiment.labels import is_named, split_mark, without_settings
from bench.reporting import design, phrases, sentences
from bench.reporting.group import Group
from bench.reporting.sentences import CLAIMS, CURVE, DISTANCE, IMAGES, PRIOR, RECONSTRUCTION, SECONDS, SEEDS, SETTINGS
from bench.reporting.table import Cell, Link, Table, number, prose, word

MOST_RIVALS = 12  # in the table; claims.csv has all
MISSING = {
    SETTINGS.name: "not asked: every method has one setting",
    SECONDS.name: "not comparable: trials ran on different machines, or with different numbers of concurrent trials",
    PRIOR.name: "not measured, or no rival has the same prior",
}
NOT_MEASURED = "not measured"
OF_SETTINGS = "not asked of several settings of a method: the best was chosen by the values reported here"


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
    return {variant: values for variant, values in means.items() if len(values) >= design.FEWEST_SETTINGS}


def tables(group: Group) -> list[Table]:
    """Return the answer to every claim, and every claim about every rival; none if there is no rival."""
    found = claimed(group)
    return [] if found.empty else [_answers(group, found), _details(group, found)]


def _answers(group: Group, found: pd.DataFrame) -> Table:
    """One row per claim."""
    by_claim = {str(claim): frames.records(each) for claim, each in found.groupby("claim", sort=False)}
    missing = dict.fromkeys(CLAIMS, OF_SETTINGS) if set(by_claim) == {SETTINGS.name} else MISSING
    rows = [
        [
            prose(name),
            prose(sentences.answer(by_claim[name]) if name in by_claim else missing.get(name, NOT_MEASURED)),
            Cell("", links=_evidence(group, name) if name in by_claim else ()),
        ]
        for name in CLAIMS
    ]
    about = (
        f"Each number is `{found['baseline'].iloc[0]}` divided by the rival, with its 95% interval: below 1 is less. "
        "In the row on the prior it is a difference. "
    ) + " ".join(design.sentences(*_design(group), spread=group.seed_spread))
    title = f"Verdict on {found['baseline'].iloc[0]}"
    return Table("verdict", title, ["claim", "answer", "shown by"], rows, about, words=3)


def _details(group: Group, found: pd.DataFrame) -> Table:
    """One row per claim and rival."""
    rivals = list(dict.fromkeys(found["rival"]))
    shown = found[found["rival"].isin(rivals[:MOST_RIVALS])]
    rows = [_row(group, record) for record in frames.records(shown)]
    family = f"the {len(rivals)} rivals" if len(rivals) > 1 else "the one rival"
    about = (
        "Ratios are of geometric means; for steadiness, of standard deviations of log distances. The family of tests "
        f"is one claim against {family}: Holm's method adjusts p over it. *Differ by less than*: two one-sided tests "
        f"exclude a difference of {group.description.report.margin:.0%} or more (`report.margin`), at 5% each, not "
        "adjusted. More seeds: for a power of 80% at the difference and spread seen so far, with the adjusted test."
    )
    about += f" {len(rivals) - MOST_RIVALS} more rivals are in claims.csv." if len(rivals) > MOST_RIVALS else ""
    headings = ["against", "verdict", "claim", "p (Holm)", "shown by"]
    return Table("claims", "Every claim", headings, rows, about, words=3, folded=True)


def _design(group: Group) -> tuple[list[str], int, float]:
    """The labels, the smallest number of finished seeds, and the margin."""
    done = group.summary.loc[group.summary["done"] > 0]
    return list(done["variant"]), int(done["done"].min()), group.description.report.margin


def _row(group: Group, record: Record) -> list[Cell]:
    return [
        word(record["rival"]),
        word(record["verdict"]),
        prose(sentences.sentence(record)),
        number(record["p_holm"]),
        Cell("", links=_evidence(group, record["claim"])),
    ]


def _evidence(group: Group, name: str) -> tuple[Link, ...]:
    """The table and the figure that show a claim; those that the report lacks are removed later."""
    claim = CLAIMS[name]
    section, figure = claim.figure
    if claim.figure == CURVE:
        figure = phrases.file_name(group.curve or "")
    return (
        Link("table", claim.table),
        Link("figure", f"{section}-figure-{figure}", f"figures/{figure}.png"),
    )
