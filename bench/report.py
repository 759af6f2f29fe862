"""python -m bench.report results/NAME: tables, curves and one page out of trial folders."""

import shutil
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from bench import statistics, tables
from bench.config import ROOT
from bench.errors import UserError, one_line_errors
from bench.store import ExperimentFolder, write_atomically

MARKDOWN = {
    "fd_classifier": "fd_classifier ↓",
    "confidence": "confidence",
    "reconstruction_test": "reconstruction ↓",
    "train_seconds": "train seconds",
}
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
    text = markdown(summary, trials, floors, folder.description(), tables.machines(folder))
    write_atomically(report / "summary.md", text.encode())
    grids = {kind: _grids(folder, trials, kind) for kind in ("samples", "reconstructions")}
    _figures(fresh, floors, grids["samples"], folder, report)
    _page(folder, summary, trials, floors, grids, report)
    return summary, floors


def markdown(
    summary: pd.DataFrame,
    trials: pd.DataFrame,
    floors: dict[str, float],
    description: dict[str, Any],
    machines: list[str],
) -> str:
    """The summary as a Markdown page: mean [least, greatest] over seeds, what did not finish, and the protocol."""
    protocol = description.get("protocol", {})
    dataset = protocol.get("dataset", {})
    lines = [f"# {dataset.get('name', 'results')}", "", *table(summary, floors), "", *notes(summary, trials, floors)]
    lines += ["", "Made by:", ""] + [f"    {command}" for command in description.get("commands", [])]
    lines += ["", *(f"On: {machine}." for machine in machines)]
    lines += ["", f"Data set fingerprint `{dataset.get('fingerprint', '')[:16]}`, extractor sha256 "]
    lines[-1] += f"`{protocol.get('extractor_sha256', '')[:16]}`. Columns and units: results/README.md."
    return "\n".join(lines) + "\n"


def table(summary: pd.DataFrame, floors: dict[str, float]) -> list[str]:
    head = ["variant", "prior", "seeds", *MARKDOWN.values()]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * 3 + "---:|" * len(MARKDOWN)]
    for record in tables.records(summary):
        cells = [f"`{record['variant']}`", record["prior"], seeds(record), *(spread(record, m) for m in MARKDOWN)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    if floors:
        real = [number(floors["fd_classifier_floor"]), number(floors["confidence_real"]), "", ""]
        lines.append("| *real images* | | | " + " | ".join(real) + " |")
    return lines


def seeds(record: dict[str, Any]) -> str:
    """'3', or '2 of 3 (1 diverged)'."""
    missing = [f"{record[state]} {state}" for state in statistics.STATES[1:] if record[state]]
    return f"{record['done']} of {record['seeds']} ({', '.join(missing)})" if missing else str(record["done"])


def spread(record: dict[str, Any], metric: str) -> str:
    """'12.3 [11.9, 12.8]': the mean and the extremes over seeds."""
    mean = record.get(f"{metric}_mean")
    if mean is None or pd.isna(mean):
        return "-"
    if record["done"] < 2:
        return number(mean)
    return f"{number(mean)} [{number(record[f'{metric}_min'])}, {number(record[f'{metric}_max'])}]"


def number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def notes(summary: pd.DataFrame, trials: pd.DataFrame, floors: dict[str, float]) -> list[str]:
    """What a reader must know to read the table rightly."""
    lines = ["Mean [least, greatest] over the seeds that finished, at the last evaluation; best mean first."]
    if floors:
        lines.append(
            "`fd_classifier` is the Fréchet distance in the features of a classifier trained here: not comparable with "
            "published FID. The row *real images* is its floor (real train against real test images) and the "
            "classifier's confidence on real test images."
        )
    if summary["done"].max() < 5:
        lines.append("With fewer than 5 seeds these are points, not evidence of a difference.")
    lost = trials[trials["state"].isin(["diverged", "failed"])]
    lines += [f"- `{r['variant']}` seed {r['seed']} {r['state']}: {r['reason']}" for r in tables.records(lost)]
    if trials["stale"].any():
        lines.append("Stale trials (the method's source has changed since) are left out; see --retrain-stale.")
    return [part for line in lines for part in (line, "")][:-1]


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
    page = environment.get_template("report.html.jinja").render(
        description=folder.description(),
        machines=tables.machines(folder),
        summary=tables.records(summary),
        metrics=MARKDOWN,
        floors=floors,
        trials=tables.records(trials),
        notes=[line for line in notes(summary, trials, floors) if line],
        figures=[f"figures/{m}.png" for m in FIGURES if (report / "figures" / f"{m}.png").exists()],
        grids={k: {v: p.relative_to(report) for v, p in shown.items()} for k, shown in grids.items()},
        spread=spread,
        seeds=seeds,
        number=number,
    )
    write_atomically(report / "index.html", page.encode())


def print_table(summary: pd.DataFrame, floors: dict[str, float]) -> None:
    """The summary in the terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(title=None, box=None, pad_edge=False)
    for i, heading in enumerate(["variant", "seeds", *MARKDOWN.values()]):
        shown.add_column(heading, justify="left" if i < 2 else "right", no_wrap=i == 0)
    for record in tables.records(summary):
        shown.add_row(escape(record["variant"]), seeds(record), *(spread(record, metric) for metric in MARKDOWN))
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
