"""The paper's claims on every data set: one table from the claims of several reports.

    python benchmarks/claims.py results/reference/digits results/reference/mnist_small results/reference/cifar10_small

Each argument is a report (the folder with claims.csv). Prints, as Markdown, one row per claim and rival, and one column
per report: the verdict, with the effect and its interval (95%; 90% for "no difference"). Effects below 1 (prior:
below 0) favour the baseline.
"""

import argparse
from pathlib import Path

import pandas as pd
import yaml
from common import markdown

from bench.analysis import frames
from bench.analysis.frames import Record
from bench.reporting import sentences


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", type=Path, nargs="+")
    cells: dict[tuple[str, str], dict[str, str]] = {}
    reports = parser.parse_args().reports
    for path in reports:
        for record in frames.records(pd.read_csv(path / "claims.csv")):
            key = (f"{record['baseline']} {record['claim']}", record["rival"])
            cells.setdefault(key, {})[name(path)] = cell(record)
    names = [name(path) for path in reports]
    rows = [[claim, rival, *(found.get(each, "-") for each in names)] for (claim, rival), found in cells.items()]
    print(markdown(["claim", "than", *names], rows))


def name(path: Path) -> str:
    """'cifar10 (cifar10_small)': the data set and the report."""
    description = next(file for file in (path / "experiment.yaml", path.parent / "experiment.yaml") if file.is_file())
    dataset = yaml.safe_load(description.read_text(encoding="utf-8"))["protocol"]["dataset"]["name"]
    study = path.parent.name if path.name == "report" else path.name
    return dataset if dataset == study else f"{dataset} ({study})"


def cell(record: Record) -> str:
    low, high = sentences.interval(record)
    interval = "" if pd.isna(low) else f" ({low:.3g} to {high:.3g})"
    effect = "" if pd.isna(record["effect"]) else f"; {record['effect']:.3g}{interval}"
    note = "" if pd.isna(record["note"]) else f"; {record['note']}"
    return f"**{record['verdict']}**{effect}{note}"


if __name__ == "__main__":
    main()
