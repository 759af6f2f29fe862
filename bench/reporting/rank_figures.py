"""The ranks of variants by every metric, side by side."""

import math
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd

from bench.analysis import across_seeds
from bench.metrics.columns import METRICS, parse
from bench.reporting import phrases
from bench.reporting.charts import Chart, rounded
from bench.reporting.group import Group
from bench.reporting.style import STYLE, Figure, legend_text, line_styles, save, wrapped

TOLD_APART = ("latent_c2st", "codes told apart", 0.5)  # a classifier is at chance if codes match the prior
OTHERS = {"reconstruction_test": "squared error"}
SECONDS = {"train_seconds": "training s"}
ABOUT = (
    "Rank of each variant's mean over its finished seeds at the last checkpoint; 1 is best. Ranks do not show how far "
    "apart two variants are, nor whether they differ significantly."
)


@dataclass(frozen=True)
class Metric:
    """A metric by which variants are ranked.

    Attributes:
        column: its column.
        name: a short name.
        ideal: the best value; -inf if lower is better, inf if higher is.
    """

    column: str
    name: str
    ideal: float = -math.inf

    def misses(self, means: pd.Series) -> pd.Series:
        """Return how far means are from the best value; only the order counts."""
        if math.isinf(self.ideal):
            return -means if self.ideal > 0 else means
        return (means - self.ideal).abs()


def metrics(group: Group) -> list[Metric]:
    """Return the metrics of the headline's protocol, then those of codes, reconstructions and speed."""
    headline = parse(group.headline) if group.headline else None
    if headline is None:
        return []
    space = (headline.extractor, headline.samples, headline.label)
    own = [c for c in across_seeds.generated(group.fresh) if (c.extractor, c.samples, c.label) == space]
    real, found = across_seeds.constants(group.fresh), []
    for column in own:
        better = METRICS[column.metric].better
        ideal = {"lower": -math.inf, "higher": math.inf}.get(better, real.get(column.real, math.nan))
        found.append(Metric(str(column), phrases.heading(column), ideal))
    others = OTHERS | (SECONDS if group.comparable_times else {})
    named = [Metric(column, name) for column, name in others.items()]
    return [*(metric for metric in found if not math.isnan(metric.ideal)), *named, Metric(*TOLD_APART)]


def ranks(group: Group) -> pd.DataFrame:
    """Return a row per metric and variant that has a value: metric, variant, value (a mean), rank (from 1)."""
    parts = []
    for metric in metrics(group):
        values = {variant: each for variant, each in group.values(metric.column).items() if variant in group.shown}
        means = pd.Series({variant: sum(each) / len(each) for variant, each in values.items()}, dtype=float)
        if len(means) < 2:
            continue
        ranked = metric.misses(means).rank(method="min")
        parts.append(pd.DataFrame({"metric": metric.name, "value": means, "rank": ranked}))
    return pd.concat(parts).rename_axis("variant").reset_index() if parts else pd.DataFrame()


def plot(group: Group, folder: Path) -> list[Figure]:
    """Draw the ranks; no figure for fewer than two variants or two metrics."""
    table = ranks(group)
    if table.empty or table["metric"].nunique() < 2:
        return []
    names, styles = list(dict.fromkeys(table["metric"])), line_styles(group.trials)
    lines = {str(variant): rows.set_index("metric").reindex(names) for variant, rows in table.groupby("variant")}
    lines = {variant: lines[variant] for variant in group.shown if variant in lines}
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(2.6 + 0.75 * len(names), 1.4 + 0.32 * len(lines)))
        for variant, line in lines.items():
            style = styles[variant]
            look = {"color": style.colour, "ls": style.dash, "marker": style.marker, "mfc": style.face}
            axes.plot(range(len(names)), line["rank"], lw=1.6, ms=6, label=legend_text(wrapped(variant)), **look)
        axes.set_xticks(range(len(names)), names, rotation=35, ha="right")
        axes.set_yticks(range(1, len(lines) + 1))
        axes.invert_yaxis()
        axes.set_ylabel("rank (1: best)")
        figure.legend(loc="outside right upper", fontsize=8, handlelength=4)
        save(figure, folder / "ranks", table)
    data = [
        {"variant": variant, "ranks": rounded(line["rank"]), "values": rounded(line["value"])}
        for variant, line in lines.items()
    ]
    shown = {variant: styles[variant] for variant in lines}
    return [
        Figure("ranks", "Ranks by every metric", ABOUT, chart=Chart("ranks", shown, {"metrics": names, "lines": data}))
    ]
