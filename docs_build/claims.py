"""What studies say of the paper's claims, in sentences and in tables.

    python -m docs_build.claims REPORT...

prints the tables of any reports (folders with claims.csv) as Markdown: for each claim one row per rival, and one column
per report. Without a report, those of results/reference.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pandas as pd

from bench.reporting import sentences
from bench.reporting.sentences import IMAGES, PRIOR, RECONSTRUCTION, SECONDS, SEEDS, SETTINGS
from docs_build.studies import REFERENCE, WRITTEN, dataset_name, results
from docs_build.tables import table

PHRASES = {  # claims beside the distance -> what is said of rivals that are beaten, and of those that beat
    IMAGES: ("faster in images", "slower in images"),
    SECONDS: ("faster in seconds", "slower in seconds"),
    SEEDS: ("steadier over seeds", "less steady over seeds"),
    SETTINGS: ("steadier over settings", "less steady over settings"),
    PRIOR: ("nearer to its prior", "farther from its prior"),
    RECONSTRUCTION: ("better at reconstruction", "worse at reconstruction"),
}


@cache
def claims(study: str) -> pd.DataFrame:
    """Return claims.csv of a study in results/reference."""
    return pd.read_csv(REFERENCE / study / "claims.csv")


def significant(study: str) -> str:
    """Return which rivals the first variant of a study beats and which beat it, significantly, but for the distance."""
    said: dict[tuple[int, tuple[str, ...]], list[str]] = {}  # of how many, which rivals -> what is said of them
    for claim, phrases in PHRASES.items():
        rows = claims(study)[claims(study)["claim"] == claim.name]
        for verdict, words in zip(("better", "worse"), phrases, strict=True):
            rivals = tuple(f"`{rival}`" for rival in rows.loc[rows["verdict"] == verdict, "rival"])
            if rivals:
                said.setdefault((len(rows), rivals), []).append(words)
    parts = (f"{' and '.join(words)} than {_listed(rivals, asked)}" for (asked, rivals), words in said.items())
    return "; ".join(parts) or "nothing"


def all_claims() -> str:
    """Return the tables of the reference studies."""
    folders = [REFERENCE / study.name for study in results()]
    return tables([folder for folder in folders if (folder / "claims.csv").is_file()])


def tables(reports: Sequence[Path]) -> str:
    """Return for each claim about a variant a table: one row per rival, one column per report that asks it."""
    found = pd.concat([pd.read_csv(report / "claims.csv").assign(report=_name(report)) for report in reports])
    parts = []
    for (baseline, claim), rows in found.groupby(["baseline", "claim"], sort=False):
        cells = {
            (record["rival"], record["report"]): f"**{record['verdict']}**{_effect(record)}"
            for record in rows.to_dict("records")
        }
        asked, rivals = list(dict.fromkeys(rows["report"])), dict.fromkeys(rows["rival"])
        lines = [[f"`{rival}`", *(cells.get((rival, report), "-") for report in asked)] for rival in rivals]
        parts.append(f"## {baseline} {claim}\n\n{table(['than', *asked], lines)}")
    return "\n".join(parts)


def _name(report: Path) -> str:
    """Return the data set of a report and the name of its experiment, such as 'CIFAR-10 (cifar10_small)'."""
    experiment = _experiment(report)
    name = dataset_name(experiment)
    written = WRITTEN.get(name, name)
    return written if name == experiment.name else f"{written} ({experiment.name})"


def _experiment(report: Path) -> Path:
    """Return the folder of a report's experiment: of a kept report the folder itself, else the one above it."""
    report = report.resolve()
    return report if (report / "experiment.yaml").is_file() else report.parent


def _effect(record: dict) -> str:
    if pd.isna(record["effect"]):
        return "" if pd.isna(record["note"]) else f"; {record['note']}"
    low, high = sentences.interval(record)
    interval = "" if pd.isna(low) else f" ({low:.3g} to {high:.3g})"
    return f"; {record['effect']:.3g}{interval}"


def _listed(names: Sequence[str], rivals: int) -> str:
    if len(names) <= 2:
        return " and ".join(names)
    return f"all {rivals}" if len(names) == rivals else f"{len(names)} of {rivals}"


def main() -> None:
    """Print the tables of the reports that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", type=Path, nargs="*")
    reports = parser.parse_args().reports
    for report in reports:
        if not (report / "claims.csv").is_file():
            parser.error(f"{report} has no claims.csv: give the folder of a report, such as results/digits/report")
        if not (_experiment(report) / "experiment.yaml").is_file():
            parser.error(f"{report} is in no experiment's folder: there is no experiment.yaml")
    if len({_name(report) for report in reports}) < len(reports):
        parser.error("two reports are of experiments of the same name: rename a folder")
    sys.stdout.write(tables(reports) if reports else all_claims())


if __name__ == "__main__":
    main()
