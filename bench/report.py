"""python -m bench.report results/NAME: tables, curves and one page out of trial folders."""

import shutil
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from bench import statistics, tables
from bench.config import ROOT
from bench.errors import UserError, one_line_errors
from bench.files import write_atomically
from bench.markdown import HEADINGS, notes, number, page, seeds, spread
from bench.store import ExperimentFolder

FIGURES = ("fd_classifier", "reconstruction_test")


def build(folder: ExperimentFolder) -> tuple[pd.DataFrame, dict[str, float]]:
    """Write report/; returns the summary (`statistics.summarise`) and the values of real images (`_constants`)."""
    if not folder.description():
        raise UserError(f"{folder.path} is no experiment: it has no experiment.yaml")
    trials, rows = tables.trials(folder), tables.rows(folder)
    if trials.empty:
        raise UserError(f"{folder.path} holds no trials; start some with python -m bench.run --out {folder.path}")
    summary = statistics.summarise(rows, trials)
    report = folder.report
    shutil.rmtree(report, ignore_errors=True)
    write_atomically(report / "summary.csv", summary.to_csv(index=False).encode())
    write_atomically(report / "trials.csv", trials.to_csv(index=False).encode())
    report.joinpath("curves.parquet").write_bytes(rows.to_parquet(index=False))
    fresh = rows[rows["trial"].isin(trials.loc[~trials["stale"].astype(bool), "trial"])]
    floors = _constants(rows)
    text = page(summary, trials, floors, folder.description(), tables.machines(folder))
    write_atomically(report / "summary.md", text.encode())
    grids = {kind: _grids(folder, trials, kind) for kind in ("samples", "reconstructions")}
    _figures(fresh, floors, grids["samples"], folder, report)
    _page(folder, summary, trials, floors, grids, report)
    return summary, floors


def _constants(rows: pd.DataFrame) -> dict[str, float]:
    """What is the same for all trials of the experiment: the floor and the confidence on real images."""
    names = ("fd_classifier_floor", "confidence_real")
    return {name: float(rows[name].dropna().iloc[0]) for name in names if name in rows and rows[name].notna().any()}


def _grids(folder: ExperimentFolder, trials: pd.DataFrame, kind: str) -> dict[str, Path]:
    """For every variant the last grid of its first finished seed, copied into the report."""
    copied = {}
    for trial in tables.records(statistics.finished(trials).sort_values("seed")):
        grids = sorted((folder.trial(trial["folder"]).path / "samples").glob(f"{kind}-*.png"))
        if grids and trial["variant"] not in copied:
            target = folder.report / kind / f"{trial['folder']}.png"
            write_atomically(target, grids[-1].read_bytes())
            copied[trial["variant"]] = target
    return dict(sorted(copied.items()))


def _figures(
    rows: pd.DataFrame, floors: dict[str, float], grids: dict[str, Path], folder: ExperimentFolder, report: Path
) -> None:
    from bench import figures

    if rows.empty:
        return
    for metric in FIGURES:
        figures.convergence(rows, metric, floors.get(f"{metric}_floor"), report / "figures" / metric)
    real = folder.extractor.path / "real.png"
    shown = {"real": real} | grids if real.exists() else grids
    if shown:
        figures.overview(shown, report / "figures" / "samples")


def _page(
    folder: ExperimentFolder,
    summary: pd.DataFrame,
    trials: pd.DataFrame,
    floors: dict[str, float],
    grids: dict[str, dict[str, Path]],
    report: Path,
) -> None:
    import jinja2

    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(ROOT / "bench"), autoescape=True)
    html = environment.get_template("report.html.jinja").render(
        description=folder.description(),
        machines=tables.machines(folder),
        summary=tables.records(summary),
        metrics=HEADINGS,
        floors=floors,
        trials=tables.records(trials),
        notes=[line for line in notes(summary, trials, floors) if line],
        figures=[f"figures/{m}.png" for m in FIGURES if (report / "figures" / f"{m}.png").exists()],
        grids={k: {v: p.relative_to(report) for v, p in shown.items()} for k, shown in grids.items()},
        spread=spread,
        seeds=seeds,
        number=number,
    )
    write_atomically(report / "index.html", html.encode())


def print_table(summary: pd.DataFrame, floors: dict[str, float]) -> None:
    """The summary in the terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(title=None, box=None, pad_edge=False)
    for i, heading in enumerate(["variant", "seeds", *HEADINGS.values()]):
        shown.add_column(heading, justify="left" if i < 2 else "right", no_wrap=i == 0)
    for record in tables.records(summary):
        shown.add_row(escape(record["variant"]), seeds(record), *(spread(record, metric) for metric in HEADINGS))
    if floors:
        real = [number(floors["fd_classifier_floor"]), number(floors["confidence_real"])]
        shown.add_row("real images", "", *real, "", "")
    terminal = Console()
    (terminal if terminal.is_terminal else Console(width=140)).print(shown)


@one_line_errors
def report(experiment: Annotated[Path, typer.Argument(help="Its folder, such as results/digits.")]) -> None:
    """Make tables, curves and one page out of an experiment's trials."""
    if not experiment.is_dir():
        raise UserError(f"there is no folder {experiment}")
    folder = ExperimentFolder(experiment)
    print_table(*build(folder))
    print(f"report: {folder.report / 'index.html'}")


if __name__ == "__main__":
    typer.run(report)
