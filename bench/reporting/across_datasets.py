"""Tables and figures over several data sets, and the table of published results."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bench.analysis import across_datasets, across_seeds, frames
from bench.io.files import write_atomically
from bench.io.strict_yaml import parse_yaml
from bench.paths import CONFIGS
from bench.reporting import score_figures
from bench.reporting.csv_text import to_csv
from bench.reporting.group import Group
from bench.reporting.style import Figure
from bench.reporting.table import Table, count, number, span, word

PUBLISHED = CONFIGS / "published.yaml"
TAUS = 60  # points of a profile's curve


def write(groups: Sequence[Group], report: Path) -> tuple[list[Table], list[Figure]]:
    """Aggregate the variants that ran on every data set; write aggregate.csv and the figure.

    Returns:
        The tables and figures; none for fewer than two data sets, or fewer than two such variants.
    """
    distances = [_distances(group) for group in groups if group.headline]
    if len(distances) < 2 or len({group.dataset for group in groups}) < len(groups):  # two protocols of one data set
        return [], []
    runs = across_datasets.normalised(pd.concat(distances, ignore_index=True))
    if runs["variant"].nunique() < 2:
        return [], []
    aggregates = across_datasets.aggregate(runs)
    write_atomically(report / "aggregate.csv", to_csv(aggregates))
    taus = np.geomspace(runs["score"].min() * 0.98, runs["score"].max() * 1.02, TAUS)
    figure = score_figures.profiles(
        across_datasets.profile(runs, taus), runs[["method", "variant"]], report / "figures"
    )
    return [_table(aggregates, len(distances))], [figure]


def _distances(group: Group) -> pd.DataFrame:
    last = group.last[["method", "variant", "seed", str(group.headline)]].dropna()
    return last.rename(columns={str(group.headline): "distance"}).assign(dataset=group.dataset)


def _table(aggregates: pd.DataFrame, dataset_count: int) -> Table:
    headings = ["variant", "runs", "IQM", "its 95% interval", "median", "mean"]
    rows = [
        [
            word(r["variant"]),
            count(r["runs"]),
            number(r["iqm"]),
            span(r["iqm_low"], r["iqm_high"]),
            number(r["median"]),
            number(r["mean"]),
        ]
        for r in frames.records(aggregates)
    ]
    about = (
        f"Variants that ran on all {dataset_count} data sets. Distances are divided by the median of the variants' "
        "means on their data set, so that 1 is the median variant there. IQM: the interquartile mean (of the middle "
        "half of all runs), with a stratified bootstrap interval (Agarwal et al., arXiv 2108.13264, section 4.3). "
        "Lower is better."
    )
    if aggregates["runs"].min() < 5 * dataset_count:
        about += " With fewer than 5 seeds on a data set these intervals are too narrow."
    return Table("aggregate", "All data sets together", headings, rows, about)


def published(group: Group) -> list[Table]:
    """Return the table of FIDs that others published on this data set (configs/published.yaml), beside FIDs only."""
    stored = parse_yaml(PUBLISHED.read_text(encoding="utf-8"), str(PUBLISHED))
    entries = [entry for entry in stored if entry["dataset"] == group.dataset]
    if not entries or not any(column.extractor == "inception" for column in across_seeds.generated(group.fresh)):
        return []
    rows = [[*map(word, (e["method"], e["source"], e["protocol"])), number(e["value"])] for e in entries]
    about = "Measured under other protocols, some of them unknown: not comparable with the tables above."
    return [Table("published", "Published FID", ["method", "source", "protocol", "FID ↓"], rows, about, words=3)]
