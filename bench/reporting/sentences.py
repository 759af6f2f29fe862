"""Claims in words. They are made from the rows of claims.csv alone, so that a stored report can be quoted.

A record is a row of `claims.compare`, as a dictionary.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.analysis.claims import Verdict
from bench.analysis.frames import Record
from bench.analysis.power import SEEDS_FOR_SIGNIFICANCE
from bench.errors import plural
from bench.reporting.table import estimate, number

MOST_MORE = 200  # values that are named; beyond, the difference is too small to matter


@dataclass(frozen=True)
class Claim:
    """A kind of claim.

    Attributes:
        name: the better side, after the name of the baseline.
        worse: the other side.
        effect: what follows the number in a sentence.
        table: id of the table with the values, on the page.
        figure: name of the section and the figure that shows them.
        short: name in a matrix.
        words: the two sides in one or two words, as in a matrix; in an answer, "than" and the rivals follow.
        of: what the values are of.
        unit: what follows the number in a matrix.
    """

    name: str
    worse: str
    effect: str
    table: str
    figure: tuple[str, str]
    short: str
    words: tuple[str, str] = ("better", "worse")
    of: str = "seed"
    unit: str = "×"


CURVE = ("convergence", "")  # the figure of the distance that was measured during training
DISTANCE = Claim(
    "reaches a lower distance",
    "reaches a higher distance",
    " times the distance",
    "results-generated",
    CURVE,
    "distance",
    ("lower", "higher"),
)
IMAGES, SECONDS = (
    Claim(
        f"converges faster in {unit}",
        f"converges more slowly in {unit}",
        f" times the {unit}",
        "convergence-convergence",
        CURVE,
        f"{unit} to target",
        ("faster", "slower"),
    )
    for unit in ("images", "seconds")
)
STEADIER = ("steadier", "less steady")
SEEDS = Claim(
    "is steadier over seeds",
    "is less steady over seeds",
    " times the spread",
    "stability-stability",
    CURVE,
    "spread: seeds",
    STEADIER,
)
SETTINGS = Claim(
    "is steadier over settings",
    "is less steady over settings",
    " times the spread, each over its own range of settings",
    "stability-stability",
    ("stability", "hyperparameters"),
    "spread: settings",
    STEADIER,
    of="setting",
)
PRIOR = Claim(
    "matches its prior better",
    "matches its prior worse",
    " in the accuracy of telling codes from samples",
    "results-codes",
    ("pictures", "codes"),
    "match to prior",
    unit="",
)
RECONSTRUCTION = Claim(
    "reconstructs better",
    "reconstructs worse",
    " times the error",
    "results-generated",
    ("convergence", "reconstruction_test"),
    "reconstruction",
)
SIGNS = {Verdict.better: "✓", Verdict.worse: "✗", Verdict.same: "=", Verdict.undecided: "?"}
CLAIMS = {each.name: each for each in (DISTANCE, IMAGES, SECONDS, SEEDS, SETTINGS, PRIOR, RECONSTRUCTION)}


def sentence(record: Record) -> str:
    """Return one claim about one rival, with its effect, interval and adjusted p-value."""
    claim, verdict = CLAIMS[record["claim"]], record["verdict"]
    mine, rival = f"`{record['baseline']}`", f"`{record['rival']}`"
    if verdict == Verdict.same:
        start = f"{mine} and {rival} differ by less than {record['margin']:.0%}"
    elif verdict == Verdict.undecided:
        start = f"Undecided whether {mine} {claim.name} than {rival}"
    else:
        start = f"{mine} {claim.name if verdict == Verdict.better else claim.worse} than {rival}"
    facts = [effect(record) + claim.effect] if not math.isnan(record["effect"]) else []
    facts += [record["note"]] if record["note"] else []
    facts += [f"adjusted p {number(record['p_holm']).text}"] if not math.isnan(record["p_holm"]) else []
    if verdict == Verdict.undecided:
        is_number = enough(record) and not math.isnan(record["needed"])
        facts.append(more(record) + (" would tell" if is_number else ""))
    return f"{start}: {'; '.join(facts)}" if facts else start


def outcome(record: Record) -> str:
    """Return '✓ lower 0.79×': one claim about one rival, as short as a cell of a matrix."""
    claim, verdict = CLAIMS[record["claim"]], Verdict(record["verdict"])
    word = {Verdict.better: claim.words[0], Verdict.worse: claim.words[1]}.get(verdict, verdict)
    size = [] if math.isnan(record["effect"]) else [effect(record).split(" ")[0] + claim.unit]
    return " ".join([SIGNS[verdict], word, *size])


def signs(margin: float) -> str:
    """Return what the signs of outcomes mean: '✓ better, ...'."""
    beyond = {Verdict.same: f" larger than {margin:.0%}"}
    return ", ".join(f"{sign} {verdict}{beyond.get(verdict, '')}" for verdict, sign in SIGNS.items())


def effect(record: Record) -> str:
    """Return '0.79 (0.73 to 0.86)'."""
    return estimate(record["effect"], *interval(record))


def interval(record: Record) -> tuple[float, float]:
    """Return the 95% interval or, for "no difference", the 90% interval that shows it; old reports lack that."""
    shows = record.get("low_90", math.nan), record.get("high_90", math.nan)
    return shows if record["verdict"] == Verdict.same and not math.isnan(shows[0]) else (record["low"], record["high"])


def enough(record: Record) -> bool:
    """Whether there are enough values for a verdict at all."""
    return min(record["n"], record["n_rival"]) >= SEEDS_FOR_SIGNIFICANCE


def more(record: Record) -> str:
    """Return how many more values would decide the claim, in words."""
    n, what = min(record["n"], record["n_rival"]), CLAIMS[record["claim"]].of
    if not enough(record):
        return f"fewer than {SEEDS_FOR_SIGNIFICANCE} {what}s"
    if math.isnan(record["needed"]):
        return f"how many more {what}s would tell is unknown"
    missing = max(int(record["needed"]) - n, 1)
    return f"over {MOST_MORE} more {what}s" if missing > MOST_MORE else f"about {plural(missing, f'more {what}')}"


def answer(records: Sequence[Record]) -> str:
    """Return the verdicts of one claim against all rivals: 'lower than `a` 0.5 (0.4 to 0.6); undecided: `b` ...'."""
    groups, (better, worse) = [], CLAIMS[records[0]["claim"]].words
    openings = {Verdict.better: f"{better} than", Verdict.worse: f"{worse} than"}
    openings[Verdict.same] = f"{Verdict.same} larger than"
    for verdict, opening in openings.items():
        found = [f"`{r['rival']}`" + _effect(r) for r in records if r["verdict"] == verdict]
        if found:
            beyond = f" {records[0]['margin']:.0%} from" if verdict == Verdict.same else ""
            groups.append(f"{opening}{beyond} {', '.join(found)}")
    open_ones = [record for record in records if record["verdict"] == Verdict.undecided]
    reasons = {more(record): [r for r in open_ones if more(r) == more(record)] for record in open_ones}
    parts = [f"{_names(each)} ({'each ' if len(each) > 1 else ''}{reason})" for reason, each in reasons.items()]
    return "; ".join([*groups, *([f"undecided: {', '.join(parts)}"] if parts else [])])


def _effect(record: Record) -> str:
    """Return ' 0.79 (0.73 to 0.86; p 0.016)', as far as it is known.

    The interval alone shows "no difference": p is of the opposite claim.
    """
    value = "" if math.isnan(record["effect"]) else f" {effect(record)}"
    if math.isnan(record["p_holm"]) or record["verdict"] == Verdict.same:
        return value
    p = f"p {number(record['p_holm']).text}"
    return f"{value[:-1]}; {p})" if value.endswith(")") else f"{value} ({p})"


def _names(records: Sequence[Record]) -> str:
    return ", ".join(f"`{record['rival']}`{_effect(record)}" for record in records)
