"""The search's part of a report: a table, all trials as csv, and figures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench import presentation, search, tables
from bench.files import write_atomically
from bench.store import ExperimentFolder


@dataclass(frozen=True)
class Section:
    """What stands in every form of the report. figures: file names below figures/, without their suffix."""

    headings: list[str]
    cells: list[list[str]]
    notes: list[str]
    figures: list[str]


def write(experiment: ExperimentFolder, report: Path) -> Section | None:
    """Write search.csv, search_summary.csv and the figures into `report`; None where nothing was searched."""
    folder = ExperimentFolder(experiment.path / search.FOLDER)
    results = search.results(folder) if folder.description() else pd.DataFrame()
    if results.empty:
        return None
    from bench import search_figures  # matplotlib takes a while

    summary = search.summary(results)
    write_atomically(report / "search.csv", results.to_csv(index=False).encode())
    write_atomically(report / "search_summary.csv", summary.to_csv(index=False).encode())
    if summary.empty:
        return Section([], [], ["No point of any method came to its end."], [])
    search_figures.best(results, report / "figures" / "search_best")
    search_figures.sensitivity(results, report / "figures" / "search_sensitivity")
    headings, cells = _table(summary)
    return Section(headings, cells, _notes(results, folder.description()), ["search_best", "search_sensitivity"])


def _table(summary: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    expected = [c for c in summary.columns if str(c).startswith("expected_best_")]
    headings = ["variant", "points", "best", *(f"expected of {c.rpartition('_')[2]}" for c in expected)]
    headings += ["median", "within 10%", "chosen"]
    return headings, [_cells(record, expected) for record in tables.records(summary)]


def _cells(record: dict[str, Any], expected: list[str]) -> list[str]:
    points = f"{record['points']}" + (f" ({record['failed']} not finished)" if record["failed"] else "")
    numbers = [presentation.number(record[c]) for c in ("best_score", *expected, "median_score")]
    chosen = f"point {record['best_point']}" + (f": {record['best']}" if record["best"] else "")
    return [record["variant"], points, *numbers, f"{record['near_best']:.0%}", chosen]


def _notes(results: pd.DataFrame, description: dict[str, Any]) -> list[str]:
    evaluation = description["protocol"]["evaluation"]
    seeds = results["seed"].nunique()
    points = search.scores(results).groupby("variant")["score"].size()
    alike = "Every variant had" if points.nunique() == 1 else "Not every variant had"
    notes = [
        f"{alike} as many points of its own search space (bench.info), at {seeds} tuning "
        f"seed{'s' if seeds > 1 else ''} each, scored by the distance of {evaluation['samples']:,} generated images to "
        f"{evaluation['split']} images at the end of the training. The best point was then trained again on fresh "
        "seeds: the tables above. *Expected of k*: the mean of the lowest score over all choices of k of the points. "
        "*Within 10%*: the share of points that are nearly as good as the best: how easily the method is tuned.",
    ]
    if (results["state"] == "stopped").any():
        notes.append(
            "Points that were behind others of their variant were stopped early (ASHA), which favours settings and "
            "methods that start fast; they count as not finished."
        )
    return notes


def markdown(section: Section) -> list[str]:
    """The section's lines."""
    lines = ["", "## Search", "", "| " + " | ".join(section.headings) + " |", "|" + "---|" * len(section.headings)]
    lines += ["| " + " | ".join([f"`{first}`", *rest]) + " |" for first, *rest in section.cells]
    return lines + [part for note in section.notes for part in ("", note)]
