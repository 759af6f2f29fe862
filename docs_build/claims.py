"""What the reference studies say of the paper's claims, in sentences and in tables."""

from functools import cache

import pandas as pd

from docs_build.studies import REFERENCE, dataset, results
from docs_build.tables import table

SENTENCES = {  # claim -> verb, what is said of a rival that is beaten, what of one that is not
    "reaches a lower distance": ("reaches", "a lower distance than", "a higher distance than"),
    "converges faster in images": ("reaches the target", "after fewer images than", "after more images than"),
    "reconstructs better": ("reconstructs", "better than", "worse than"),
}


@cache
def claims(study: str) -> pd.DataFrame:
    """Return claims.csv of a study in results/reference."""
    return pd.read_csv(REFERENCE / study / "claims.csv")


def sentence(study: str, claim: str) -> str:
    """Return one sentence: which rivals the first variant beats in a claim, and which beat it; empty if none."""
    rows = claims(study)[claims(study)["claim"] == claim]
    verb, *phrases = SENTENCES[claim]
    parts = []
    for verdict, words in zip(("better", "worse"), phrases, strict=True):
        rivals = [f"`{rival}`" for rival in rows.loc[rows["verdict"] == verdict, "rival"]]
        parts += [f"{words} {_listed(rivals, len(rows))}"] if rivals else []
    return f"`{rows['baseline'].iloc[0]}` {verb} {', and '.join(parts)}." if parts else ""


def all_claims() -> str:
    """Return for each claim a table: one row per rival, one column per study that asks it."""
    studies = [study.name for study in results() if (REFERENCE / study.name / "claims.csv").is_file()]
    found = pd.concat([claims(study).assign(study=study) for study in studies])
    parts = []
    for claim, rows in found.groupby("claim", sort=False):
        baseline = rows["baseline"].iloc[0]
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
    interval = "" if pd.isna(record["low"]) else f" ({record['low']:.3g} to {record['high']:.3g})"
    return f"; {record['effect']:.3g}{interval}"


def _listed(names: list[str], rivals: int) -> str:
    return " and ".join(names) if len(names) <= 2 else f"{len(names)} of {rivals} rivals"
