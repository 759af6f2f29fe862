"""python -m bench.report results/NAME: tables, curves and one page out of trial folders."""

import re
import shutil
import sys
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from bench import cli, disk, presentation, protocols, search_report, statistics, tables
from bench.config import ROOT
from bench.errors import UserError
from bench.files import write_atomically, writing
from bench.markdown import page
from bench.store import REAL, ExperimentFolder, TrialFolder

app = typer.Typer(**cli.PLAIN)

FIGURES = ("reconstruction_test", "latent_over_chance")  # beside the distances


def build(folder: ExperimentFolder) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write report/; returns the summary (`statistics.summarise`) and the rows behind it (`protocols.separate`).

    The new report takes the old one's place when it is complete: on a full disk the old one stays.
    """
    if not folder.description():
        raise UserError(f"the folder {folder.path} is no experiment: it has no experiment.yaml")
    trials, rows = tables.trials(folder), protocols.separate(tables.rows(folder))
    if trials.empty:
        raise UserError(f"{folder.path} holds no trials; start some with python -m bench.run --out {folder.path}")
    summary = statistics.summarise(rows, trials)
    new = folder.path / ".report.part"
    shutil.rmtree(new, ignore_errors=True)
    try:
        with writing(folder.report):
            _write(folder, new, trials, rows, summary)
            shutil.rmtree(folder.report, ignore_errors=True)
            new.rename(folder.report)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return summary, rows


def _write(
    folder: ExperimentFolder, report: Path, trials: pd.DataFrame, rows: pd.DataFrame, summary: pd.DataFrame
) -> None:
    write_atomically(report / "summary.csv", summary.to_csv(index=False).encode())
    write_atomically(report / "trials.csv", trials.to_csv(index=False).encode())
    write_atomically(report / "curves.parquet", rows.to_parquet(index=False))
    section = search_report.write(folder, report)
    text = page(summary, trials, rows, folder.description(), tables.machines(folder), section)
    write_atomically(report / "summary.md", text.encode())
    grids = {kind: _grids(folder, trials, kind, report) for kind in ("samples", "reconstructions")}
    fresh = rows[rows["trial"].isin(trials.loc[~trials["stale"].astype(bool), "trial"])]
    drawn = _figures(fresh, grids["samples"], folder, report)
    _page(folder, summary, trials, rows, grids, drawn, section, report)


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


def _figures(rows: pd.DataFrame, grids: dict[str, Path], folder: ExperimentFolder, report: Path) -> list[str]:
    """Draw curves and samples; the curves' file names."""
    from bench import figures

    drawn = []
    floors = {name.removesuffix("_floor"): value for name, value in statistics.constants(rows).items()}
    if "latent_sliced_wasserstein" in rows:  # priors differ in scale, but of each its own samples score 1
        ratio = rows["latent_sliced_wasserstein"] / rows["latent_sliced_wasserstein_prior"]
        rows, floors["latent_over_chance"] = rows.assign(latent_over_chance=ratio), 1.0
    for metric in (m for m in [*statistics.distances(rows), *FIGURES] if m in rows):
        if rows.dropna(subset=[metric])["step"].nunique() > 1:  # of the last checkpoint alone there is no curve
            name = re.sub(r"[^a-z0-9_]+", "-", metric).strip("-")
            figures.convergence(rows, metric, floors.get(metric), report / "figures" / name)
            drawn.append(f"{name}.png")
    real = folder.extractor.path / REAL
    shown = {"real": real} | grids if folder.extractor.whole(real.name) else grids
    if shown and not rows.empty:
        figures.overview(shown, report / "figures" / "samples")
    return drawn


def _page(
    folder: ExperimentFolder,
    summary: pd.DataFrame,
    trials: pd.DataFrame,
    rows: pd.DataFrame,
    grids: dict[str, dict[str, Path]],
    figures: list[str],
    section: search_report.Section | None,
    report: Path,
) -> None:
    import jinja2

    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(ROOT / "bench"), autoescape=True)
    html = environment.get_template("report.html.jinja").render(
        description=folder.description(),
        disk=disk.summary(folder.path),
        machines=tables.machines(folder),
        summary=summary,
        tables=presentation.shown(rows, summary),
        trials=tables.records(trials),
        notes=presentation.notes(summary, trials, rows, folder.description()),
        figures=[f"figures/{name}" for name in figures],
        search=section,
        grids={k: {v: p.relative_to(report) for v, p in shown.items()} for k, shown in grids.items()},
        seeds=presentation.seeds,
    )
    write_atomically(report / "index.html", html.encode())


def print_tables(summary: pd.DataFrame, rows: pd.DataFrame) -> None:
    """The summary in the terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=180)
    for each in presentation.shown(rows, summary):
        shown = Table(title=escape(each.title), title_justify="left", title_style="bold", box=None, pad_edge=False)
        for i, heading in enumerate(["variant", "seeds", *each.headings.values()]):
            shown.add_column(heading, justify="left" if i < 2 else "right", no_wrap=i == 0)
        for record in each.records(summary):
            shown.add_row(escape(record["variant"]), presentation.seeds(record), *each.means(record))
        for name, values in each.constants.items():
            shown.add_row(name.strip("*"), "", *each.constant_cells(values))
        console.print(shown)
        if each.main or not each.about:
            console.print()
        else:
            console.print(each.about + "\n", markup=False)


@app.command(cls=cli.Command)
def main(experiment: Annotated[Path, typer.Argument(help="Its folder, such as results/digits.")]) -> None:
    """Make tables, curves and one page out of an experiment's trials."""
    if not experiment.is_dir():
        raise UserError(f"there is no folder {experiment}")
    folder = ExperimentFolder(experiment)
    print_tables(*build(folder))
    print(f"report: {folder.report / 'index.html'}")


if __name__ == "__main__":
    app()
