"""The search's part of a report: a table, all trials as csv, and figures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.analysis import frames, search
from bench.io.files import write_atomically
from bench.reporting import search_figures
from bench.reporting.style import Figure
from bench.reporting.table import Cell, Grid, number, word
from bench.store.documents import Description
from bench.store.folders import ExperimentFolder


def write(experiments: Sequence[ExperimentFolder], report: Path) -> tuple[list[Grid], list[Figure]]:
    """Write search.csv, search_summary.csv and the figures into `report`; nothing where nothing was searched.

    Points that several experiments searched count once.
    """
    folders = [ExperimentFolder(experiment.path / search.FOLDER) for experiment in experiments]
    descriptions = [description for folder in folders if (description := folder.description())]
    folders = [folder for folder in folders if folder.description()]
    found = [search.results(folder) for folder in folders]
    results = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    if results.empty:
        return [], []
    results = results.sort_values("score").drop_duplicates("trial")  # one that was lost there may have ended here
    results = results.sort_values(["variant", "point", "seed"], ignore_index=True)
    summary = search.summary(results)
    write_atomically(report / "search.csv", results.to_csv(index=False).encode())
    write_atomically(report / "search_summary.csv", summary.to_csv(index=False).encode())
    grid = _grid(summary, _about(results, descriptions[0]))
    if summary.empty:
        return [grid], []
    return [grid], search_figures.draw(results, report / "figures")


def _grid(summary: pd.DataFrame, about: str) -> Grid:
    expected = [str(c) for c in summary.columns if str(c).startswith("expected_best_")]
    headings = ["variant", "points", "best", *(f"expected of {c.rpartition('_')[2]}" for c in expected)]
    headings += ["median", "within 10%", "chosen"]
    rows = [_row(record, expected) for record in frames.records(summary)]
    return Grid("search", "Search", headings, rows, about if rows else "No point of any method came to its end.")


def _row(record: dict[str, Any], expected: list[str]) -> list[Cell]:
    failed = f" ({record['failed']} not finished)" if record["failed"] else ""
    points = Cell(f"{record['points']}{failed}", record["points"])
    numbers = [number(record[c]) for c in ("best_score", *expected, "median_score")]
    near = Cell(f"{record['near_best']:.0%}", record["near_best"])
    chosen = f"point {record['best_point']}" + (f": {record['best']}" if record["best"] else "")
    return [word(record["variant"]), points, *numbers, near, word(chosen)]


def _about(results: pd.DataFrame, description: Description) -> str:
    evaluation = description.protocol.evaluation
    seeds = results["seed"].nunique()
    points = search.scores(results).groupby("variant")["score"].size()
    alike = "Every variant had" if points.nunique() == 1 else "Not every variant had"
    said = (
        f"{alike} as many points of its own search space (bench.info), at {seeds} tuning "
        f"seed{'s' if seeds > 1 else ''} each, scored by the distance of {evaluation.samples:,} generated images to "
        f"{evaluation.split} images at the end of the training. The best point was then trained again on fresh "
        "seeds: the tables above. *Expected of k*: the mean of the lowest score over all choices of k of the points. "
        "*Within 10%*: the share of points that are nearly as good as the best: how easily the method is tuned."
    )
    if (results["state"] == "stopped").any():
        said += (
            " Points that were behind others of their variant were stopped early (ASHA), which favours settings and "
            "methods that start fast; they count as not finished."
        )
    return said
