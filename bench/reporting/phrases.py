"""Text of tables of measurements: cells, titles, headings and notes."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from bench.analysis import across_seeds, frames, sensitivity, significance
from bench.analysis.frames import Record
from bench.metrics.columns import METRICS, Column
from bench.reporting.group import Group
from bench.reporting.table import Cell, digits, interval, number

FEATURES = {"inception": 2048, "classifier": 64, "rotation": 64}  # of an extractor; unknown for those of plug-ins
MOST_NAMED = 4  # variants in a sentence

SAMPLERS = {"prior": "the prior", "gmm": "a mixture fitted to the codes"}


def bold_note(group: Group, distance: str | None) -> str:
    """Return the sentence that explains which variant is bold by this distance, or why none is."""
    few, values = significance.SEEDS_FOR_SIGNIFICANCE, group.values(distance) if distance else {}
    if len(values) < 2:
        return "There is no other variant to compare with." if values else "No trial has finished."
    lacking = [variant for variant, seeds in values.items() if len(seeds) < few]
    if lacking:
        which = "all variants" if len(lacking) == len(values) else named(lacking)
        return f"Fewer than {few} seeds ({which}) cannot show a difference, so no variant is marked as the best."
    lost = [variant for variant in group.summary["variant"] if variant not in {*values, *group.superseded}]
    left_out = f" Not compared, since no seed finished: {', '.join(f'`{v}`' for v in lost)}." if lost else ""
    each = "its comparison" if len(values) == 2 else f"each of {len(values) - 1} comparisons"
    tests = f"exact permutation tests, 5% in {each}"
    best = significance.best(values)
    if best:
        return f"Bold: `{best}` is significantly better than every other variant ({tests}).{left_out}"
    return f"No variant is significantly better than every other ({tests}), so none is bold.{left_out}"


def named(variants: Sequence[str]) -> str:
    """Return the first MOST_NAMED variants as a list in a sentence."""
    return ", ".join(f"`{v}`" for v in variants[:MOST_NAMED]) + (" and others" if len(variants) > MOST_NAMED else "")


def measurement(record: Record, name: str, strong: bool = False, least: int = 2) -> Cell:
    """Return the cell of a measured column: its mean with its interval, or the values of two seeds instead.

    Args:
        record: a row of `across_seeds.summarise`.
        name: the column.
        strong: whether it is the best.
        least: digits of the mean, at least.
    """
    mean, n = record.get(f"{name}_mean"), record.get(f"{name}_n", 0)
    if mean is None or math.isnan(mean):
        return Cell("-")
    low, high = record[f"{name}_min"], record[f"{name}_max"]
    if n == 2 and number(low).text != number(high).text:
        cell = Cell(f"{number(low).text}, {number(high).text}", mean, strong)
    else:
        cell = interval(mean, record[f"{name}_low"], record[f"{name}_high"], strong, least)
    return replace(cell, text=f"{cell.text} ({n} of {record['done']})") if n < record["done"] else cell


def each_seed(group: Group, record: Record, name: str) -> str:
    """Return '4.32, 4.66, 4.99': the value of every seed, in order of seeds."""
    values = group.all_by_seed(name).get(record["variant"], {}).values()
    return ", ".join(number(value).text for value in values)


def seeds(record: Record) -> str:
    """Return '3', or '2 of 3 (1 diverged)'."""
    missing = [f"{record[state]} {state}" for state in across_seeds.STATES[1:] if record[state]]
    return f"{record['done']} of {record['seeds']} ({', '.join(missing)})" if missing else str(record["done"])


def caveats(columns: list[Column], stamp: Record) -> list[str]:
    """Return sentences on the numbers of images: those missing from the title, and whether there are `too_few`."""
    sentences = []
    if any(column.metric == "precision" for column in columns):
        sentences.append(
            f"Precision, recall, density and coverage use {int(stamp['n_neighbours']):,} images of each kind."
        )
    sentences += dict.fromkeys(METRICS[column.metric].about for column in columns if METRICS[column.metric].optional)
    if "n_training" in stamp and not math.isnan(stamp["n_training"]):
        sentences.append(f"What is compared with training images uses {int(stamp['n_training']):,} of them.")
    return [*sentences, *too_few(columns[0], stamp)]


def too_few(column: Column, stamp: Record) -> list[str]:
    """Return a warning if a distance is measured with fewer images than its extractor has features."""
    images, features = min(stamp["n_generated"], stamp["n_real"]), FEATURES.get(column.extractor, 0)
    if images > features:
        return []
    return [f"{int(images):,} images are too few for {features:,} features: the Fréchet distance is far too high."]


def file_name(metric: str) -> str:
    """Return the name of the figure of a metric: 'fid_10k [sampler=gmm]' -> 'fid_10k-sampler-gmm'."""
    return re.sub(r"[^a-z0-9_]+", "-", metric).strip("-")


def heading(column: Column) -> str:
    """Return the full name of a distance, with its sample count, or the short name of any other metric."""
    if column.metric == "distance":
        return f"{Column('distance', column.extractor, column.samples)}"
    metric = METRICS[column.metric]
    return (metric.fid_heading if column.extractor == "inception" else "") or metric.heading


def images(stamp: Record) -> str:
    """Return '10,000 images from the prior and 400 test images'."""
    return f"{int(stamp['n_generated']):,} images from {_source(stamp)} and {_real(stamp)}"


def _source(stamp: Record) -> str:
    return SAMPLERS.get(stamp["sampler"], f"the sampler {stamp['sampler']}")


def _real(stamp: Record) -> str:
    return f"{int(stamp['n_real']):,} {stamp['reference_split'].replace('_', ' ')} images"


def protocol(stamp: Record) -> str:
    """Return '10,000 from the prior against 45,000 train images, inception features (bf16)'."""
    precision = f" ({stamp['extractor_precision']})" if stamp["extractor_precision"] != "fp32" else ""
    features = f"{stamp['extractor']} features{precision}"
    return f"{int(stamp['n_generated']):,} from {_source(stamp)} against {_real(stamp)}, {features}"


def protocol_of(group: Group, column: str) -> str:
    """Return the protocol of one column, in words, for the caption of a figure."""
    measured = group.fresh[group.fresh[column].notna()]
    return protocol(frames.records(measured.iloc[:1])[0]) if len(measured) and "sampler" in measured else ""


def ranges(group: Group) -> str:
    """Return the ranges of settings over which methods are compared; empty if no setting was varied."""
    rows = sensitivity.ranges(group.results) if len(group.results) else pd.DataFrame()
    if rows.empty:
        return ""
    by_variant = {str(variant): frames.records(each) for variant, each in rows.groupby("variant", sort=False)}
    texts = {variant: ", ".join(map(_range, records)) for variant, records in by_variant.items()}
    differ = ", which differ between methods" if len(set(texts.values())) > 1 else ""
    listed = "; ".join(f"`{variant}` {text}" for variant, text in texts.items())
    return f"Spread over settings depends on the ranges tried{differ}: {listed}."


def _range(record: Record) -> str:
    """Return 'weight 0.01 to 10 (1,000×)': the largest value is 1,000 times the smallest."""
    low, high = record["low"], record["high"]
    factor = f" ({digits(high / low)}×)" if low > 0 else ""
    return f"{record['setting']} {low:.4g} to {high:.4g}{factor}"
