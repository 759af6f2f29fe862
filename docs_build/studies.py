"""The reference studies: what each says of every variant."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from bench.metrics.columns import parse
from docs_build.links import ROOT

REFERENCE = ROOT / "results" / "reference"
WRITTEN = {"cifar10": "CIFAR-10", "mnist": "MNIST"}


@dataclass(frozen=True)
class Result:
    """A variant in a study; texts for a table. `place`: such as '2 of 8', by the mean distance."""

    method: str
    variant: str
    link: str
    place: str
    distance: str
    reconstruction: str
    seconds: str
    seeds: int


@dataclass(frozen=True)
class Study:
    """A report in results/reference, with its variants from the lowest distance to the highest."""

    name: str
    column: str
    rows: list[Result]


@cache
def results() -> list[Study]:
    """Return all reports with a table of results."""
    found = sorted(file.parent for file in REFERENCE.glob("*/summary.csv"))
    return [_study(folder) for folder in found if not folder.name.startswith("defaults_")]  # searches for defaults


def headline(columns: list[str]) -> str:
    """Return the column of the distance with the most generated images, such as fid_50k."""
    parsed = [parse(column.removesuffix("_mean")) for column in columns if column.endswith("_mean")]
    distances = [column for column in parsed if column and column.metric == "distance" and not column.label]
    return str(max(distances, key=lambda column: column.samples))


def dataset(study: str) -> str:
    """Return the name of a study's data set, as people write it."""
    name = dataset_name(REFERENCE / study)
    return WRITTEN.get(name, name)


def dataset_name(experiment: Path) -> str:
    """Return the name of an experiment's data set."""
    text = (experiment / "experiment.yaml").read_text(encoding="utf-8")
    return str(yaml.safe_load(text)["protocol"]["dataset"]["name"])


def _study(folder: Path) -> Study:
    frame = pd.read_csv(folder / "summary.csv")
    column = headline(list(frame.columns))
    frame = frame.sort_values(f"{column}_mean", ignore_index=True)
    link = f"[{folder.name}](../../{(folder / 'summary.md').relative_to(ROOT).as_posix()})"
    rows = [
        _result(record, column, link, f"{i + 1} of {len(frame)}") for i, record in enumerate(frame.to_dict("records"))
    ]
    return Study(folder.name, column, rows)


def _result(record: dict[Any, Any], column: str, link: str, place: str) -> Result:
    def digits(key: str) -> str:
        return "" if pd.isna(record.get(key)) else f"{record[key]:.3g}"

    return Result(
        method=record["method"],
        variant=record["variant"],
        link=link,
        place=place,
        distance=f"{digits(f'{column}_mean')} ({digits(f'{column}_low')} to {digits(f'{column}_high')})",
        reconstruction=digits("reconstruction_test_mean"),
        seconds=digits("train_seconds_mean"),
        seeds=record["done"],
    )
