"""The figure of the README: the distance along training in the reference studies that it shows."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from bench.metrics.columns import parse
from bench.reporting.curve_data import limits, mean_curve
from bench.reporting.curve_figures import axis_label, mean_line
from bench.reporting.style import STYLE, line_styles, logarithmic, panels, save, shared_legend
from docs_build.links import ROOT
from docs_build.studies import REFERENCE, dataset

PATH = ROOT / "docs" / "assets" / "results.png"
SIZE = (4.8, 3.8)  # of a panel, in inches


def draw(studies: list[str]) -> None:
    """Draw a panel for each study: means over seeds and their 95% intervals, against images seen; write PATH."""
    with plt.rc_context(STYLE):
        figure, grid = panels(len(studies), len(studies), SIZE)
        for axes, study in zip(grid, studies, strict=True):
            _panel(axes, study)
        shared_legend(figure, grid, loc="outside lower center", ncols=3 * len(grid))
        save(figure, PATH.with_suffix(""))
    PATH.with_suffix(".pdf").unlink()


def _panel(axes: Axes, study: str) -> None:
    column, rows = measured(study)
    styles = line_styles(rows)
    shown = {str(variant): mean_curve(subset, column) for variant, subset in rows.groupby("variant", sort=False)}
    for variant, means in shown.items():
        mean_line(axes, means, "images_seen", column, variant, styles[variant])
    low, high = limits([value for means in shown.values() for value in means[column]], [])
    axes.set(xscale="log", yscale="log", ylim=(low, high), title=dataset(study), xlabel="training images seen")
    axes.set_ylabel(axis_label(column))
    logarithmic(axes.xaxis)
    logarithmic(axes.yaxis)


def measured(study: str) -> tuple[str, pd.DataFrame]:
    """Return the column of the distance along training, and its rows: those that the report's own figure shows."""
    for path in sorted((REFERENCE / study / "figures").glob("*.csv")):
        column = parse(path.stem)
        if column is not None and column.metric == "distance":
            rows = pd.read_csv(path)
            return path.stem, rows.assign(method=rows["variant"].str.partition("[")[0], trial=_trials(rows))
    raise FileNotFoundError(f"results/reference/{study} has no figure of the distance along training")


def _trials(rows: pd.DataFrame) -> pd.Series:
    return rows["variant"] + " s" + rows["seed"].astype(str)
