"""python -m bench.report results/NAME: tables, curves and one page out of trial folders."""

import shutil
import sys
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from bench import cli, disk, statistics, tables
from bench.config import ROOT
from bench.errors import UserError
from bench.files import write_atomically, writing
from bench.markdown import headings, notes, page, real, seeds, spread
from bench.store import ExperimentFolder, TrialFolder

app = typer.Typer(**cli.PLAIN)

FIGURES = (*statistics.DISTANCES, "reconstruction_test")


def build(folder: ExperimentFolder) -> tuple[pd.DataFrame, dict[str, float]]:
    """Write report/; returns the summary (`statistics.summarise`) and the values of real images (`constants`).

    The new report takes the old one's place when it is complete: on a full disk the old one stays.
    """
    if not folder.description():
        raise UserError(f"the folder {folder.path} is no experiment: it has no experiment.yaml")
    trials, rows = tables.trials(folder), tables.rows(folder)
    if trials.empty:
        raise UserError(f"{folder.path} holds no trials; start some with python -m bench.run --out {folder.path}")
    summary, floors = statistics.summarise(rows, trials), statistics.constants(rows)
    new = folder.path / ".report.part"
    shutil.rmtree(new, ignore_errors=True)
    try:
        with writing(folder.report):
            _write(folder, new, trials, rows, summary, floors)
            shutil.rmtree(folder.report, ignore_errors=True)
            new.rename(folder.report)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return summary, floors


def _write(
    folder: ExperimentFolder,
    report: Path,
    trials: pd.DataFrame,
    rows: pd.DataFrame,
    summary: pd.DataFrame,
    floors: dict[str, float],
) -> None:
    write_atomically(report / "summary.csv", summary.to_csv(index=False).encode())
    write_atomically(report / "trials.csv", trials.to_csv(index=False).encode())
    write_atomically(report / "curves.parquet", rows.to_parquet(index=False))
    text = page(summary, trials, floors, folder.description(), tables.machines(folder))
    write_atomically(report / "summary.md", text.encode())
    grids = {kind: _grids(folder, trials, kind, report) for kind in ("samples", "reconstructions")}
    fresh = rows[rows["trial"].isin(trials.loc[~trials["stale"].astype(bool), "trial"])]
    _figures(fresh, floors, grids["samples"], folder, report)
    _page(folder, summary, trials, floors, grids, report)


def _grids(folder: ExperimentFolder, trials: pd.DataFrame, kind: str, report: Path) -> dict[str, Path]:
    """For every variant the last grid of its first finished seed, copied into the report."""
    copied = {}
    for trial in tables.records(statistics.finished(trials).sort_values("seed")):
        grid = None if trial["variant"] in copied else _last_grid(folder.trial(trial["folder"]), kind)
        if grid is not None:
            target = report / kind / f"{trial['folder']}.png"
            write_atomically(target, grid)
            copied[trial["variant"]] = target
    return dict(sorted(copied.items()))


def _last_grid(trial: TrialFolder, kind: str) -> bytes | None:
    """The newest grid that is whole; of one that is not, a warning."""
    for path in sorted((trial.path / "samples").glob(f"{kind}-*.png"), reverse=True):
        whole = trial.read_whole(f"samples/{path.name}")
        if whole is not None:
            return whole
        print(f"warning: {trial.path.name}/samples/{path.name} is damaged; an older grid is shown", file=sys.stderr)
    return None


def _figures(
    rows: pd.DataFrame, floors: dict[str, float], grids: dict[str, Path], folder: ExperimentFolder, report: Path
) -> None:
    from bench import figures

    if rows.empty:
        return
    for metric in (m for m in FIGURES if m in rows):
        figures.convergence(rows, metric, floors.get(f"{metric}_floor"), report / "figures" / metric)
    real = folder.extractor.path / "real.png"
    shown = {"real": real} | grids if folder.extractor.whole("real.png") else grids
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
        disk=disk.summary(folder.path),
        machines=tables.machines(folder),
        summary=tables.records(summary),
        metrics=headings(summary),
        floors=floors,
        real=real(headings(summary), floors),
        trials=tables.records(trials),
        notes=[line for line in notes(summary, trials, floors, folder.description()) if line],
        figures=[f"figures/{m}.png" for m in FIGURES if (report / "figures" / f"{m}.png").exists()],
        grids={k: {v: p.relative_to(report) for v, p in shown.items()} for k, shown in grids.items()},
        spread=spread,
        seeds=seeds,
    )
    write_atomically(report / "index.html", html.encode())


def print_table(summary: pd.DataFrame, floors: dict[str, float]) -> None:
    """The summary in the terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(title=None, box=None, pad_edge=False)
    metrics = headings(summary)
    for i, heading in enumerate(["variant", "seeds", *metrics.values()]):
        shown.add_column(heading, justify="left" if i < 2 else "right", no_wrap=i == 0)
    for record in tables.records(summary):
        shown.add_row(escape(record["variant"]), seeds(record), *(spread(record, metric) for metric in metrics))
    if floors:
        shown.add_row("real images", "", *real(metrics, floors))
    terminal = Console()
    (terminal if terminal.is_terminal else Console(width=140)).print(shown)


@app.command(cls=cli.Command)
def main(experiment: Annotated[Path, typer.Argument(help="Its folder, such as results/digits.")]) -> None:
    """Make tables, curves and one page out of an experiment's trials."""
    if not experiment.is_dir():
        raise UserError(f"there is no folder {experiment}")
    folder = ExperimentFolder(experiment)
    print_table(*build(folder))
    print(f"report: {folder.report / 'index.html'}")


if __name__ == "__main__":
    app()
