"""The tables of the verdict: a matrix of claims and rivals, an answer to every claim, and every claim in a sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from bench.analysis import frames
from bench.analysis.claims import RANKS, Verdict
from bench.analysis.frames import Record
from bench.errors import plural
from bench.experiment.labels import split_mark
from bench.reporting import design, phrases, sentences, verdict
from bench.reporting.group import Group
from bench.reporting.sentences import CLAIMS, CURVE, PRIOR, SECONDS, SETTINGS
from bench.reporting.table import Cell, Link, Table, number, prose, word

MOST_RIVALS = 12  # in the tables; claims.csv has all
MATRIX = "matrix"  # name of the table of all claims and rivals
FEW_SETTINGS = f"not asked: it takes {design.FEWEST_SETTINGS} settings of the baseline's method and of another one"
NOT_MEASURED, NOT_COMPARED, OTHER_PRIORS = "not measured", "not compared", "not compared: no rival has the same prior"
OF_SETTINGS = "not asked: the best of a method's settings could only be chosen by the values reported here"


def tables(group: Group) -> list[Table]:
    """Return three tables: a matrix of claims and rivals, an answer to every claim, every claim about every rival.

    None if there is no rival.
    """
    found = verdict.claimed(group)
    if found.empty:
        return []
    first = list(dict.fromkeys(found["rival"]))[:MOST_RIVALS]
    shown = found[found["rival"].isin(first) | (found["claim"] == SETTINGS.name)]
    records, reasons = frames.records(shown), _reasons(group, set(found["claim"]))
    return [_matrix(group, records, reasons), _answers(group, found, reasons), _details(group, found, records)]


def _matrix(group: Group, records: Sequence[Record], reasons: Mapping[str, str]) -> Table:
    """One row per claim that was made, one column per rival. Each cell links to its sentence."""
    rivals, about = list(dict.fromkeys(record["rival"] for record in records)), records[0]["baseline"]
    cells = {(record["claim"], record["rival"]): _outcome(record, i) for i, record in enumerate(records)}
    rows = [
        [prose(claim.short), *(cells.get((name, rival), word(NOT_COMPARED)) for rival in rivals)]
        for name, claim in CLAIMS.items()
        if name not in reasons
    ]
    signs = sentences.signs(group.description.report.margin)
    brief = (
        f"`{about}` against each rival: {signs}. 0.8×: 0.8 times the rival's value (match to prior: a difference); "
        "less is better in every row."
    )
    legend = [brief, *_about_settings(group, reasons)]
    for reason, names in _by_reason(reasons).items():
        legend.append(f"No row for *{', '.join(CLAIMS[name].short for name in names)}* ({reason}).")
    headings = ["claim", *rivals]
    return Table(MATRIX, f"Verdict on {about}", headings, rows, " ".join(legend), words=len(headings), brief=brief)


def _about_settings(group: Group, reasons: Mapping[str, str]) -> list[str]:
    """What to know of methods that are compared over their settings."""
    methods = verdict.over_settings(group)
    lines = [phrases.ranges(group)] if SETTINGS.name not in reasons else []
    if methods and OF_SETTINGS not in reasons.values():
        asked = " or the baseline" if group.description.report.baseline else ""
        listed = ", ".join(f"`{name}`" for name in sorted(methods))
        why = OF_SETTINGS.removeprefix("not asked: ")
        lines.append(f"Of {listed} only the defaults{asked} are compared over seeds: {why}.")
    return lines


def _outcome(record: Record, i: int) -> Cell:
    return Cell(sentences.outcome(record), tone=Verdict(record["verdict"]).name, target=_anchor(i))


def _reasons(group: Group, claimed: set[str]) -> dict[str, str]:
    """Why claims were not made: those that are not among `claimed`."""
    known = {SETTINGS.name: FEW_SETTINGS}
    if claimed == {SETTINGS.name}:
        known = dict.fromkeys(CLAIMS, OF_SETTINGS)
    elif group.incomparable_times:
        known[SECONDS.name] = f"not comparable: {group.incomparable_times}"
    if group.values("latent_c2st"):
        known.setdefault(PRIOR.name, OTHER_PRIORS)
    return {name: known.get(name, NOT_MEASURED) for name in CLAIMS if name not in claimed}


def _by_reason(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    """The claims that were not made for each reason."""
    return {reason: [name for name in reasons if reasons[name] == reason] for reason in reasons.values()}


def _anchor(i: int) -> str:
    """The id of the sentence of the i-th record."""
    return f"verdict-claims-{i}"


def _answers(group: Group, found: pd.DataFrame, reasons: Mapping[str, str]) -> Table:
    """One row per claim that was made, then one per reason for which others were not."""
    by_claim = {str(claim): frames.records(each) for claim, each in found.groupby("claim", sort=False)}
    rows = [
        [prose(name), prose(sentences.answer(by_claim[name])), Cell("", links=_evidence(group, name))]
        for name in CLAIMS
        if name in by_claim
    ]
    for reason, names in _by_reason(reasons).items():
        rows.append([prose(", ".join(names)), prose(reason), Cell("")])
    baseline = found["baseline"].iloc[0]
    brief = (
        f"Each number is a ratio, `{baseline}` by rival, of geometric means (of spreads where it is about steadiness), "
        "with its 95% interval and adjusted p: below 1 is less. *No difference* has its 90% interval."
    )
    about = (
        f"{brief} The test is adjusted for the number of rivals, the interval is not: it may leave out 1 where the "
        "test is undecided. "
        "In the row on the prior it is a difference. "
        f"If a seed never reaches the target, times to it have no ratio; then the test compares {RANKS}. "
    ) + " ".join(_design(group))
    title = f"Verdict on {baseline}, in words"
    headings = ["claim", "answer", "shown by"]
    return Table("verdict", title, headings, rows, about, words=3, brief=brief, stacked=True)


def _details(group: Group, found: pd.DataFrame, records: Sequence[Record]) -> Table:
    """One row per claim and rival. found: all claims; records: those that are shown."""
    rivals = list(dict.fromkeys(found["rival"]))
    rows = [_row(group, record, _anchor(i)) for i, record in enumerate(records)]
    family = f"the {len(rivals)} rivals" if len(rivals) > 1 else "the one rival"
    margin = f"{group.description.report.margin:.0%}"
    about = (
        "Ratios are of geometric means; for steadiness, of standard deviations of log distances. The family of tests "
        f"is one claim against {family}: Holm's method adjusts p over it. *Differ by less than*: two one-sided tests "
        f"exclude a difference of {margin} or more (`report.margin`), at 5% each, not adjusted; its interval is that "
        "of 90%. More seeds: for a power of 80% at the difference and spread seen so far, with the adjusted test."
    )
    others = len(rivals) - len({record["rival"] for record in records})
    about += f" {plural(others, 'more rival')} in claims.csv." if others else ""
    headings = ["against", "verdict", "claim", "p (Holm)", "shown by"]
    return Table("claims", "Every claim", headings, rows, about, words=3, folded=True, stacked=True)


def _design(group: Group) -> list[str]:
    """What so many seeds can show."""
    done = group.summary.loc[(group.summary["done"] > 0) & ~group.summary["variant"].isin(group.superseded)]
    labels, report = [split_mark(variant)[0] for variant in done["variant"]], group.description.report
    methods, seeds = verdict.over_settings(group), int(done["done"].min())
    return design.sentences(labels, seeds, report.margin, group.seed_spread, report.baseline, methods)


def _row(group: Group, record: Record, anchor: str) -> list[Cell]:
    return [
        word(record["rival"]),
        word(record["verdict"]),
        replace(prose(sentences.sentence(record)), anchor=anchor),
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
