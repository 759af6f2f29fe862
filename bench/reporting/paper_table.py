"""The table for a paper: it fits one column of a two-column page."""

from bench.analysis import convergence, frames, significance
from bench.analysis.frames import Record
from bench.errors import plural
from bench.metrics.columns import METRICS as ALL_METRICS
from bench.metrics.columns import Column
from bench.reporting import metric_tables, phrases
from bench.reporting.group import Group
from bench.reporting.table import Cell, Table, count, distinct, number, word

METRICS = ("distance", "kernel", "precision", "recall")
HEADINGS = {"distance": "distance", "kernel": "kernel", "precision": "prec.", "recall": "rec."}
FID = {"distance": "FID", "kernel": "KID"}  # with the Inception network


def tables(group: Group) -> list[Table]:
    """Return a table of each variant's distance, KID, precision, recall and images to the target.

    Metrics that were not measured are left out; there is no table if none was.
    """
    found = {column.metric: column for column in next(iter(metric_tables.protocols(group.fresh)), [])}
    columns = [found[metric] for metric in METRICS if metric in found]
    if not columns:
        return []
    reached = {r["variant"]: r for r in frames.records(convergence.time_to_target(group.times))} if group.target else {}
    records, names = frames.records(group.summary), [str(column) for column in columns]
    best = significance.best(group.values(names[0]))
    least = distinct(record[f"{names[0]}_mean"] for record in records)
    rows = [
        [
            word(record["variant"]),
            phrases.measurement(record, names[0], best == record["variant"], least),
            *(number(record[f"{name}_mean"]) for name in names[1:]),
            *([_images(reached.get(record["variant"]))] if reached else []),
        ]
        for record in records
    ]
    about = _about(group, [record["done"] for record in records if record["done"]])
    headings = ["variant", *map(_heading, columns), *(["images ↓"] if reached else [])]
    return [Table("paper", f"Generated images on {group.dataset}", headings, rows, about)]


def _heading(column: Column) -> str:
    names = HEADINGS | (FID if column.extractor == "inception" else {})
    return f"{names[column.metric]} {metric_tables.ARROWS[ALL_METRICS[column.metric].better]}"


def _images(reached: Record | None) -> Cell:
    return number(reached["images"], infinite="never") if reached else count(None)


def _about(group: Group, seeds: list[int]) -> str:
    fewest, most = min(seeds, default=0), max(seeds, default=0)
    over = plural(most, "seed") if fewest == most else f"{fewest} to {plural(most, 'seed')}"
    about = f"Means over {over}, ± the half width of a 95% t interval"
    if group.target:
        about += f"; images: the median until {group.curve} is at most {number(group.target.value).text}"
    return f"{about}."
