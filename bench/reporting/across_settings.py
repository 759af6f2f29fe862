"""Experiments of one data set whose protocols differ in some settings, as of a sweep: one table, a figure a setting."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes

from bench.analysis import across_seeds, frames
from bench.io.files import write_atomically
from bench.reporting.csv_text import to_csv
from bench.reporting.description import comparable
from bench.reporting.group import Group
from bench.reporting.style import STYLE, Figure, LineStyle, legend_text, line_styles, logarithmic, panels, save
from bench.reporting.table import Table, count, interval, word

ABOUT = (
    "Protocols differ in the settings of the first columns, so rows with other values there are other tasks: nothing "
    "is tested across them. Means over the finished seeds, ± the half width of a 95% t interval. Lower is better."
)
CAPTION = (
    "The mean final distance over seeds against each setting that differs between the experiments, with 95% intervals; "
    "one line for each variant and each combination of the other settings, which stand at its end."
)
MOST_TICKS = 6  # more values than these would overlap; then ticks are at round numbers
SECTIONS = ("preprocessing", "network", "training", "evaluation")


def write(groups: Sequence[Group], report: Path) -> tuple[list[Table], list[Figure]]:
    """Compare the same variants under settings that differ; write settings.csv and the figure.

    Returns:
        The tables and figures; none unless there are two or more groups, of one data set, whose distances are measured
        alike.
    """
    measured = [group for group in groups if group.headline]
    extractors = {group.description.written.get("extractor_sha256") for group in measured}
    alike = len({(group.dataset, group.headline) for group in measured}) == len(extractors) == 1
    if len(measured) < 2 or not alike:
        return [], []
    settings = varied([comparable(group.description) for group in measured])
    if not settings:
        return [], []
    scores = pd.concat(
        [
            _scores(group).assign(**{key: values[i] for key, values in settings.items()})
            for i, group in enumerate(measured)
        ],
        ignore_index=True,
    )
    write_atomically(report / "settings.csv", to_csv(scores))
    headline = str(measured[0].headline)
    return [_table(scores, list(settings), headline)], [_figure(scores, list(settings), headline, report / "figures")]


def varied(protocols: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the settings that differ: "section.key" -> its value in each protocol."""
    flat = [
        {f"{section}.{key}": value for section in SECTIONS for key, value in (protocol.get(section) or {}).items()}
        for protocol in protocols
    ]
    keys = dict.fromkeys(key for each in flat for key in each)
    values = {key: [each.get(key) for each in flat] for key in keys}
    return {key: each for key, each in values.items() if len({repr(value) for value in each}) > 1}


def _scores(group: Group) -> pd.DataFrame:
    """One row per variant: method, variant, and the statistics of its final distances."""
    last = group.last.dropna(subset=[str(group.headline)])
    records = [
        {"method": method, "variant": variant, **across_seeds.statistics(rows[str(group.headline)])}
        for (method, variant), rows in last.groupby(["method", "variant"], sort=False)
    ]
    return pd.DataFrame.from_records(records)


def _table(scores: pd.DataFrame, keys: list[str], headline: str) -> Table:
    ordered = scores.sort_values([*keys, "mean"], kind="stable", key=_sortable)
    rows = [
        [
            *(word(_text(r[key])) for key in keys),
            word(r["variant"]),
            count(r["n"]),
            interval(r["mean"], r["low"], r["high"]),
        ]
        for r in frames.records(ordered)
    ]
    headings = [*keys, "variant", "seeds", f"{headline} ↓"]
    return Table("settings_differ", "Settings that differ", headings, rows, ABOUT, words=len(keys) + 1)


def _sortable(column: pd.Series) -> pd.Series:
    return column if pd.api.types.is_numeric_dtype(column) else column.astype(str)


def _figure(scores: pd.DataFrame, keys: list[str], headline: str, folder: Path) -> Figure:
    styles = line_styles(scores)
    with mpl.rc_context(STYLE):
        figure, grid = panels(len(keys), 3, (3.8, 3.2))
        for axes, key in zip(grid, keys, strict=True):
            _panel(axes, scores, key, [other for other in keys if other != key], styles)
        grid[0].set_ylabel(f"final {headline}")
        handles = dict(zip(*grid[0].get_legend_handles_labels()[::-1], strict=True))
        figure.legend(handles.values(), handles.keys(), loc="outside right upper", fontsize=8, handlelength=4)
        save(figure, folder / "settings", scores)
    return Figure("settings", "Distance against the settings that differ", CAPTION)


def _panel(axes: Axes, scores: pd.DataFrame, key: str, others: list[str], styles: dict[str, LineStyle]) -> None:
    """One setting: a line for each variant and each combination of the other settings."""
    values, are_numbers = ordered_values(scores[key])
    for _, line in scores.groupby(["variant", *others], sort=False, dropna=False):
        variant = str(line["variant"].iloc[0])
        ordered = line.sort_values(key) if are_numbers else line
        x = ordered[key] if are_numbers else ordered[key].map(values.index)
        _line(axes, x, ordered, ", ".join(_text(line[other].iloc[0]) for other in others), variant, styles[variant])
    if are_numbers and min(values) > 0 and max(values) / min(values) >= 4:
        axes.set_xscale("log")
        logarithmic(axes.xaxis)
    if not are_numbers or len(values) <= MOST_TICKS:
        axes.set_xticks(values if are_numbers else range(len(values)), [_text(value) for value in values])
        axes.set_xticks([], minor=True)
    axes.set(xlabel=key, yscale="log")
    logarithmic(axes.yaxis)


def ordered_values(column: pd.Series) -> tuple[list[Any], bool]:
    """Return the different values of a setting in order, numbers first, and whether all are numbers."""
    values = column.unique().tolist()  # Python's own types: numpy's integers are no int
    are_numbers = all(isinstance(value, int | float) and value == value for value in values)
    return sorted(values, key=lambda value: (isinstance(value, str), value or 0)), are_numbers


def _line(axes: Axes, x: pd.Series, line: pd.DataFrame, end: str, variant: str, style: LineStyle) -> None:
    """Means with their intervals; the other settings, `end`, stand at the end of the line."""
    errors = [line["mean"] - line["low"], line["high"] - line["mean"]]
    bars: Any = {"color": style.colour, "ls": style.dash, "marker": style.marker, "ms": 4, "capsize": 2}
    axes.errorbar(x, line["mean"], yerr=errors, label=legend_text(variant), **bars)
    where: Any = {"xytext": (6, 0), "textcoords": "offset points", "fontsize": 6, "va": "center"}
    axes.annotate(end, (x.iloc[-1], line["mean"].iloc[-1]), color=style.colour, **where)


def _text(value: object) -> str:
    return "default" if value is None or value != value else str(value)
