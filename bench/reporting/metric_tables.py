"""Grids of what was measured: generated images under each protocol, codes against the prior, cost and convergence."""

import math
from typing import Any

import pandas as pd

from bench.analysis import across_seeds, frames
from bench.analysis import significance as comparison
from bench.metrics.columns import LOWER_IS_BETTER, STAMPS, Column, parse
from bench.reporting.group import Group
from bench.reporting.table import Cell, Grid, interval, number, word

LATENT = {
    "latent_mmd": "MMD²",
    "latent_mmd_p": "its p (mean)",
    "latent_sliced_wasserstein": "sliced W₂",
    "latent_c2st": "told apart",
    "latent_uniformity_excess": "uniformity excess",
    "latent_norm": "norm",
    "latent_norm_sd": "sd of norm",
    "latent_mean_norm": "norm of mean",
    "latent_active_dims": "active dims",
    "latent_effective_rank": "effective rank",
}
LATENT_ABOUT = (
    "Draws from q(z|x) on held-out images against as many samples of the prior; the last rows are what chance makes "
    "of a perfect match. MMD² and its permutation p-value, sliced Wasserstein-2 distance, how often a classifier tells "
    "new codes from new samples (0.5: it cannot), norms, and directions in use."
)
RECONSTRUCTION = "reconstruction_test"
MEANS = (
    "Means over the training seeds that finished, at the last checkpoint (never the best one); distances ± half of a "
    "95% Student-t interval; best mean first."
)


def grids(group: Group) -> list[Grid]:
    """One for each protocol under which generated images were measured in full, the trainings' own first; the codes."""
    found = [_generated(group, columns, i) for i, columns in enumerate(_protocols(group.fresh))]
    return found + _latent(group)


def _latent(group: Group) -> list[Grid]:
    names = [name for name in LATENT if f"{name}_mean" in group.summary]
    if not names:
        return []
    chance = [
        [word(f"samples of the prior: {prior}"), word(""), *(number(values.get(name)) for name in names)]
        for prior, values in across_seeds.prior_samples(group.fresh).items()
    ]
    rows = [
        [word(record["variant"]), word(seeds(record)), *(_mean(record, name) for name in names)]
        for record in frames.records(group.summary)
    ]
    headings = ["variant", "seeds", *(LATENT[name] for name in names)]
    return [Grid("codes", "Codes against the prior", headings, rows, LATENT_ABOUT, chance, words=2)]


def _protocols(rows: pd.DataFrame) -> list[list[Column]]:
    """The generated-image columns by protocol; quick measures, made for curves, only where there is nothing else."""
    groups: dict[tuple[Any, ...], list[Column]] = {}
    for column in across_seeds.generated(rows):
        if column.metric != "reconstruction":
            groups.setdefault((column.extractor, column.samples, column.label), []).append(column)
    full = [columns for columns in groups.values() if any(c.metric == "precision" for c in columns)]
    return [columns + _reconstructions(rows, columns[0]) for columns in full or groups.values()]


def _reconstructions(rows: pd.DataFrame, beside: Column) -> list[Column]:
    """The column of the distance of reconstructions in the very rows of another column."""
    mine = rows[rows[str(beside)].notna()]
    found = [
        c for c in across_seeds.generated(rows) if c.metric == "reconstruction" and c.extractor == beside.extractor
    ]
    return [column for column in found if mine[str(column)].notna().any()][:1]


def _generated(group: Group, columns: list[Column], place: int) -> Grid:
    """place: 0 for the headline's protocol, whose grid has all variants, measured or not."""
    rows, names = group.fresh, [str(column) for column in columns]
    fullest = rows[names].notna().sum(axis=1).idxmax()
    stamp = frames.records(rows.loc[[fullest], [s for s in (*STAMPS, "n_floor", "n_neighbours") if s in rows]])[0]
    best = {name: comparison.best(group.values(name)) for name in names if is_distance(name)}
    shown = [r for r in frames.records(group.summary) if place == 0 or any(r[f"{name}_n"] for name in names)]
    extra = [RECONSTRUCTION] if place == 0 and f"{RECONSTRUCTION}_mean" in group.summary else []
    body = [
        [
            *map(word, (record["variant"], record["prior"], seeds(record))),
            *(_value(record, name, best.get(name) == record["variant"]) for name in names + extra),
            word(each_seed(group, record, names[0])),
        ]
        for record in shown
    ]
    constants = across_seeds.constants(rows)
    real = [number(constants.get(c.real)) if c.real in constants else word("") for c in columns]
    floor = f"{int(stamp['n_floor']):,} real images"
    headings = [f"{_heading(c)} {'↓' if c.metric in LOWER_IS_BETTER else '↑'}" for c in columns]
    blank = [word("")] * (len(extra) + 1)
    return Grid(
        f"generated_{place}" if place else "generated",
        f"Generated images: {protocol(stamp)}" + (f" [{columns[0].label}]" if columns[0].label else ""),
        ["variant", "prior", "seeds", *headings, *(["squared error ↓"] if extra else []), "each seed"],
        body,
        " ".join([MEANS, significance(group), *_caveats(columns, stamp)]),
        [[word(floor), word(""), word(""), *real, *blank]] if any(c.real in constants for c in columns) else [],
        words=3,
    )


def significance(group: Group) -> str:
    """Whether a variant stands in bold, and why not."""
    few, values = comparison.SEEDS_FOR_SIGNIFICANCE, group.values(group.headline) if group.headline else {}
    if len(values) < 2:
        return "There is nothing to compare it with." if values else "No trial has finished."
    lacking = [variant for variant, seeds in values.items() if len(seeds) < few]
    if lacking:
        which = "these" if len(lacking) == len(values) else f"those of {', '.join(f'`{v}`' for v in lacking[:4])}"
        which += " and others" if len(lacking) > 4 and len(lacking) < len(values) else ""
        return (
            f"With fewer than {few} seeds {which} are points, not evidence of a difference: none is marked as the best."
        )
    lost = [variant for variant in group.summary["variant"] if variant not in values]
    left_out = f" Without a finished seed, so not compared: {', '.join(f'`{v}`' for v in lost)}." if lost else ""
    tests = f"exact permutation tests, Holm over {len(values) - 1} comparisons, 5%"
    best = comparison.best(values)
    if best:
        return f"Bold: `{best}` is significantly better than every other variant ({tests}).{left_out}"
    enough = (len(values) - 1) / math.comb(
        2 * min(map(len, values.values())), min(map(len, values.values()))
    ) * 2 <= 0.05
    why = "" if enough else " So few seeds cannot show it among so many variants, however far apart they are."
    return f"No variant is significantly better than every other ({tests}), so none is marked.{why}{left_out}"


def is_distance(name: str) -> bool:
    """Whether a column is a Frechet distance of generated images."""
    column = parse(name)
    return column is not None and column.metric == "distance"


def _value(record: dict[str, Any], name: str, strong: bool = False) -> Cell:
    """A distance with its interval, anything else as its mean; with how many were measured, where not all were."""
    mean, n = record.get(f"{name}_mean"), record.get(f"{name}_n", 0)
    if mean is None or pd.isna(mean):
        return Cell("-")
    if is_distance(name):
        cell = interval(mean, record[f"{name}_low"], record[f"{name}_high"], strong)
    else:
        cell = number(mean, strong)
    some = f" ({n} of {record['done']})" if n < record["done"] else ""
    return Cell(cell.text + some, cell.value, strong)


def _mean(record: dict[str, Any], name: str) -> Cell:
    return number(record.get(f"{name}_mean"))


def each_seed(group: Group, record: dict[str, Any], name: str) -> str:
    """'4.32, 4.66, 4.99': the headline's own values, in order of seeds."""
    values = group.values(name).get(record["variant"], [])
    return ", ".join(number(value).text for value in values)


def seeds(record: dict[str, Any]) -> str:
    """'3', or '2 of 3 (1 diverged)'."""
    missing = [f"{record[state]} {state}" for state in across_seeds.STATES[1:] if record[state]]
    return f"{record['done']} of {record['seeds']} ({', '.join(missing)})" if missing else str(record["done"])


def _caveats(columns: list[Column], stamp: dict[str, Any]) -> list[str]:
    """Of how many images the values are, where that is not in the title, and whether it is enough."""
    said = []
    if any(column.metric == "precision" for column in columns):
        said.append(
            f"Precision, recall, density and coverage are of {int(stamp['n_neighbours']):,} images of each kind."
        )
    fewest, features = min(stamp["n_generated"], stamp["n_real"]), 2048 if columns[0].extractor == "inception" else 64
    if fewest <= features:
        said.append(f"{int(fewest):,} images are few for {features:,} features: the Fréchet distance is far too high.")
    return said


def _heading(column: Column) -> str:
    """The distance under its own name, sample count and all; what stands beside it by its metric alone."""
    return f"{Column('distance', column.extractor, column.samples)}" if column.metric == "distance" else _short(column)


def _short(column: Column) -> str:
    if column.metric == "reconstruction":
        return "reconstructed"
    kernel = "KID" if column.extractor == "inception" else "kernel"
    return kernel if column.metric == "kernel" else column.metric


def protocol(stamp: dict[str, Any]) -> str:
    """'10,000 from the prior against 45,000 train images, inception features (fp32)'."""
    source = {"prior": "the prior", "gmm": "a mixture fitted to the codes"}[stamp["sampler"]]
    precision = f" ({stamp['extractor_precision']})" if stamp["extractor_precision"] != "fp32" else ""
    real = f"{int(stamp['n_real']):,} {stamp['reference_split']} images"
    return f"{int(stamp['n_generated']):,} from {source} against {real}, {stamp['extractor']} features{precision}"


def protocol_of(group: Group, column: str) -> str:
    """The protocol of one column, in words: what a figure's caption says."""
    measured = group.fresh[group.fresh[column].notna()]
    return protocol(frames.records(measured.iloc[:1])[0]) if len(measured) and "sampler" in measured else ""
