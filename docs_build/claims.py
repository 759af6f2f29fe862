"""What the reference studies say of the paper's claims, in sentences and in tables."""

from functools import cache

import pandas as pd

from bench.reporting import sentences
from bench.reporting.sentences import IMAGES, PRIOR, RECONSTRUCTION, SECONDS, SEEDS, SETTINGS
from docs_build.studies import REFERENCE, dataset, results
from docs_build.tables import table

PHRASES = {  # claims beside the distance -> what is said of rivals that are beaten, and of those that beat
    IMAGES: ("faster in images than", "slower in images than"),
    SECONDS: ("faster in seconds than", "slower in seconds than"),
    SEEDS: ("steadier over seeds than", "less steady over seeds than"),
    SETTINGS: ("steadier over settings than", "less steady over settings than"),
    PRIOR: ("nearer to its prior than", "farther from its prior than"),
    RECONSTRUCTION: ("better at reconstruction than", "worse at reconstruction than"),
}


@cache
def claims(study: str) -> pd.DataFrame:
    """Return claims.csv of a study in results/reference."""
    return pd.read_csv(REFERENCE / study / "claims.csv")


def significant(study: str) -> str:
    """Return which rivals the first variant of a study beats and which beat it, significantly, but for the distance."""
    parts = []
    for claim, phrases in PHRASES.items():
        rows = claims(study)[claims(study)["claim"] == claim.name]
        for verdict, words in zip(("better", "worse"), phrases, strict=True):
            rivals = [f"`{rival}`" for rival in rows.loc[rows["verdict"] == verdict, "rival"]]
            parts += [f"{words} {_listed(rivals, len(rows))}"] if rivals else []
    return "; ".join(parts) or "nothing"


def all_claims() -> str:
    """Return for each claim about a variant a table: one row per rival, one column per study that asks it."""
    studies = [study.name for study in results() if (REFERENCE / study.name / "claims.csv").is_file()]
    found = pd.concat([claims(study).assign(study=study) for study in studies])
    parts = []
    for (baseline, claim), rows in found.groupby(["baseline", "claim"], sort=False):
        cells = {
            (record["rival"], record["study"]): f"**{record['verdict']}**{_effect(record)}"
            for record in rows.to_dict("records")
        }
        asked, rivals = list(dict.fromkeys(rows["study"])), dict.fromkeys(rows["rival"])
        lines = [[f"`{rival}`", *(cells.get((rival, study), "-") for study in asked)] for rival in rivals]
        parts.append(f"## {baseline} {claim}\n\n{table(['than', *map(_header, asked)], lines)}")
    return "\n".join(parts)


def _header(study: str) -> str:
    return study if study == dataset(study) else f"{dataset(study)} ({study})"


def _effect(record: dict) -> str:
    if pd.isna(record["effect"]):
        return "" if pd.isna(record["note"]) else f"; {record['note']}"
    low, high = sentences.interval(record)
    interval = "" if pd.isna(low) else f" ({low:.3g} to {high:.3g})"
    return f"; {record['effect']:.3g}{interval}"


def _listed(names: list[str], rivals: int) -> str:
    if len(names) <= 2:
        return " and ".join(names)
    return f"all {rivals}" if len(names) == rivals else f"{len(names)} of {rivals}"
