"""Several data sets in one report, and published figures beside ours."""

from pathlib import Path

import numpy as np
import pandas as pd

from bench.analysis import across_datasets
from bench.analysis import frames as tables
from bench.io.files import write_atomically
from bench.io.strict_yaml import parse_yaml
from bench.paths import CONFIGS
from bench.reporting import figures
from bench.reporting.group import Group
from bench.reporting.style import Figure
from bench.reporting.table import Grid, count, number, span, word

PUBLISHED = CONFIGS / "published.yaml"
TAUS = 60  # places of a profile's curve


def together(groups: list[Group], report: Path) -> tuple[list[Grid], list[Figure]]:
    """How variants that are on every data set do over all of them; nothing where there are no two of both."""
    frames = [_distances(group) for group in groups if group.headline]
    if len(frames) < 2 or len({group.dataset for group in groups}) < len(groups):  # protocols are no data sets
        return [], []
    runs = across_datasets.normalised(pd.concat(frames, ignore_index=True))
    if runs["variant"].nunique() < 2:
        return [], []
    found = across_datasets.aggregate(runs)
    write_atomically(report / "aggregate.csv", found.to_csv(index=False).encode())
    taus = np.geomspace(runs["score"].min() * 0.98, runs["score"].max() * 1.02, TAUS)
    drawn = figures.profiles(across_datasets.profile(runs, taus), runs[["method", "variant"]], report / "figures")
    return [_grid(found, len(frames))], [drawn]


def _distances(group: Group) -> pd.DataFrame:
    last = group.last[["method", "variant", "seed", str(group.headline)]].dropna()
    return last.rename(columns={str(group.headline): "distance"}).assign(dataset=group.dataset)


def _grid(found: pd.DataFrame, datasets: int) -> Grid:
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
        for r in tables.records(found)
    ]
    about = (
        f"Variants that are on all {datasets}. Distances are divided by the median of the variants' means on their "
        "data set, so that 1 is the middling one there. IQM: the mean of the middle half of all runs, with a "
        "stratified bootstrap interval (Agarwal et al., arXiv 2108.13264, section 4.3). Lower is better."
    )
    if found["runs"].min() < 5 * datasets:
        about += " With fewer than 5 seeds on a data set these intervals are too narrow."
    return Grid("aggregate", "All data sets together", headings, rows, about)


def published(group: Group) -> list[Grid]:
    """What others published of this data set: configs/published.yaml."""
    stored = parse_yaml(PUBLISHED.read_text(), str(PUBLISHED))
    found = [entry for entry in stored if entry["dataset"] == group.dataset]
    if not found:
        return []
    rows = [[*map(word, (e["method"], e["source"], e["protocol"])), number(e["value"])] for e in found]
    about = "Other protocols than ours, some unknown: not to be compared with the tables above."
    return [Grid("published", "Published FID", ["method", "source", "protocol", "FID ↓"], rows, about, words=3)]
