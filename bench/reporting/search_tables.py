"""A search in a report: a table, CSV files with every trial, and figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bench.analysis import frames, search
from bench.analysis.frames import Record
from bench.errors import plural
from bench.experiment.labels import RANGE, searcher_of, with_values, without_point
from bench.experiment.settings import Evaluation
from bench.io.files import write_atomically
from bench.reporting.csv_text import to_csv
from bench.reporting.table import Cell, Table, count, number, word
from bench.store.folders import SEARCH, ExperimentFolder
from bench.store.states import State

if TYPE_CHECKING:
    from bench.reporting.style import Figure


def write(experiments: Sequence[ExperimentFolder], report: Path) -> tuple[list[Table], list["Figure"]]:
    """Write search.csv, search_summary.csv and the figures to `report`; nothing if there was no search.

    A point that several experiments tried counts once.
    """
    folders = [ExperimentFolder(experiment.path / SEARCH) for experiment in experiments]
    searches = [(folder, described) for folder in folders if (described := folder.description())]
    parts = [search.results(folder) for folder, _ in searches]
    results = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if results.empty:
        return [], []
    results = results.sort_values("score").drop_duplicates(
        "trial"
    )  # keeps a finished copy rather than an unfinished one
    results = results.sort_values(["variant", "point", "seed"], ignore_index=True)
    summary = search.summary(results)
    write_atomically(report / "search.csv", to_csv(results))
    write_atomically(report / "search_summary.csv", to_csv(summary))
    table = _table(summary, _about(results, searches[0][1].protocol.evaluation))
    if summary.empty:
        return [table], []
    from bench.reporting import (
        search_figures,
    )  # not at the top: importing matplotlib is slow, and loading needs no figure

    return [table], search_figures.draw(results, report / "figures")


@dataclass(frozen=True)
class Chosen:
    """A point of a search that was trained: the label that shows its values, and how many points were tried.

    `tried` is 0 for a point that was named without a search.
    """

    label: str
    tried: int


def chosen_points(experiment: ExperimentFolder, trials: pd.DataFrame) -> dict[str, Chosen]:
    """Return what stands in place of a label with a search point: 'moco[point=3]' -> 'moco[weight=0.1775]'.

    The values are those that the experiment's search varied; of a point that was named without a search, all of them.

    Args:
        experiment: the experiment.
        trials: its `frames.trials`.
    """
    points = trials[trials["variant"].map(without_point) != trials["variant"]].drop_duplicates("variant")
    if points.empty:
        return {}
    searched, shown = search.results(ExperimentFolder(experiment.path / SEARCH)), {}
    for record in frames.records(points):
        spec = experiment.trial(record["folder"]).trial().spec
        values = {**spec.hyperparameters, "learning_rate": spec.optimisation.learning_rate}
        mine = searched[searched["variant"] == without_point(record["variant"])]
        names = [name for name in search.varied(mine) if name in values] if len(mine) else values
        label = with_values(record["variant"], {name: values[name] for name in names})
        shown[record["variant"]] = Chosen(label, mine["point"].nunique() if len(mine) else 0)
    return shown


def _table(summary: pd.DataFrame, about: str) -> Table:
    expected = [str(c) for c in summary.columns if str(c).startswith("expected_best_")]
    headings = ["variant", "points", "dimensions", "best", *(f"expected of {c.rpartition('_')[2]}" for c in expected)]
    headings += ["median", "within 10%", "chosen"]
    rows = [_row(record, expected) for record in frames.records(summary)]
    return Table("search", "Search", headings, rows, about if rows else "No point of any method finished.")


def _row(record: Record, expected: list[str]) -> list[Cell]:
    partial = number(record["best_partial"]).text
    so_far = "" if partial == "-" else f", {partial} at best until then"
    failed = [f"{record['failed']} not finished{so_far}"] if record["failed"] else []
    failed += [f"{record['poor']} reconstruct no better than the mean image"] if record["poor"] else []
    points = Cell(f"{record['points']}" + (f" ({'; '.join(failed)})" if failed else ""), record["points"])
    numbers = [number(record[c]) for c in ("best_score", *expected, "median_score")]
    near = Cell(f"{record['near_best']:.0%}", record["near_best"])
    chosen = f"point {record['best_point']}" + (f": {record['best']}" if record["best"] else "")
    return [word(record["variant"]), points, count(record["dimensions"]), *numbers, near, word(chosen)]


CHOSEN = {
    "halton": "Points come from a scrambled Halton sequence, evenly spread and independent of results.",
    "random": "Points are random (Optuna).",
    "tpe": "After a random first round, TPE (Optuna) chose the points of each round from the results before it.",
    "cmaes": "After a random first round, CMA-ES (Optuna) chose the points of each round from the results before it.",
}


def _chosen_by(results: pd.DataFrame) -> str:
    """Sentences that say how points were chosen. With two ways in one table, each names its searcher."""
    searchers = list(dict.fromkeys(map(searcher_of, results["variant"])))
    if len(searchers) == 1:
        return CHOSEN[searchers[0]]
    return " ".join(f"{searcher}: {CHOSEN[searcher]}" for searcher in searchers)


def _about(results: pd.DataFrame, evaluation: Evaluation) -> str:
    seeds = results.groupby(["variant", "point"])["seed"].nunique()
    finalists = (seeds == seeds.max()).groupby("variant").sum().max()
    more = f", the best {finalists} of each variant with {seeds.max()}" if seeds.min() < seeds.max() else ""
    points = search.scores(results).groupby("variant")["score"].size()
    budget = "the same number" if points.nunique() == 1 else "different numbers"
    given = ", or in the ranges of its label" if results["variant"].str.contains(RANGE, regex=False).any() else ""
    about = (
        f"Variants tried {budget} of points, each in its own search space (bench.info){given}. Each point was trained "
        f"with {plural(int(seeds.min()), 'tuning seed')}{more}. {_chosen_by(results)} Its score is the distance of "
        f"{evaluation.samples:,} generated images to {evaluation.split} images at the end of training. "
        "The best point was then retrained with fresh seeds, which the tables above show. "
        "*Dimensions*: how many values a point chooses; the more, the less densely the points cover them. "
        "*Expected of k*: the lowest score among k of the points, averaged over all choices. "
        "*Within 10%*: the share of points with a score within 10% of the best, a measure of how easily the "
        "method is tuned."
    )
    if (results["state"] == State.stopped).any():
        about += (
            " Points behind other points of their variant were stopped early (ASHA), which favours settings and "
            "methods that start fast. Which ones also depends on the order in which trials arrived at a comparison, so "
            "another run may stop others. They count as not finished; search.csv has their last distance (`partial`)."
        )
    return about
