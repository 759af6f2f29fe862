"""Interactive charts of convergence."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.reporting.charts import Chart, rounded
from bench.reporting.curve_data import ABSCISSAE, MOST_BLANK, MOST_WIDER, Level, mean_curve
from bench.reporting.style import LineStyle

PICKING = "Click or tap a point to see samples: of its trial, or of the first seed of a mean."


def chart(
    data: pd.DataFrame,
    metric: str,
    axes: dict[str, str],
    title: str,
    levels: Sequence[Level],
    styles: dict[str, LineStyle],
    over: Mapping[str, Sequence[str]],
) -> Chart:
    """Return the chart of a metric: a line per seed, and the mean per variant.

    Args:
        data: `curve_data.measured`.
        metric: its column.
        axes: columns of the horizontal axis, with their labels; epochs are added.
        title: label of the vertical axis.
        levels: values to compare with.
        styles: the look of each variant.
        over: `curve_data.covered`.
    """
    shown = [str(variant) for variant in data["variant"].unique()]
    lines: list[dict[str, Any]] = []
    for variant, rows in data.groupby("variant", sort=False):
        for trial, seed in rows.groupby("trial", sort=False):
            seed = seed.sort_values("step")
            about = {
                "variant": variant,
                "trial": trial,
                "seed": int(seed["seed"].iloc[0]),
                "done": bool(seed["done"].all()),
            }
            lines.append(about | _points(seed, metric))
        means = mean_curve(rows, metric)
        if len(means):
            bounds = {name: rounded(means[name]) for name in ("low", "high")} if means["low"].notna().any() else {}
            below = {"below": min(len(over[str(variant)]), MOST_WIDER)} if str(variant) in over else {}
            lines.append({"variant": variant, "n": int(means["n"].max())} | below | _points(means, metric) | bounds)
    return Chart(
        "lines",
        {variant: styles[variant] for variant in shown},
        {
            "axes": axes | ({"epoch": "epochs"} if data["epoch"].notna().all() else {}),
            "title": title,
            "lines": lines,
            "levels": [{"text": level.text, "value": level.value, "dashed": level.dashed} for level in levels],
            "blank": MOST_BLANK,
        },
        PICKING,
    )


def _points(rows: pd.DataFrame, metric: str) -> dict[str, list[float | None]]:
    return {name: rounded(rows[name]) for name in ABSCISSAE} | {"y": rounded(rows[metric])}
