"""Tables of measurements: generated images under each protocol, and codes against the prior."""

import math

import pandas as pd

from bench.analysis import across_seeds, frames, significance
from bench.analysis.frames import Record
from bench.metrics.columns import DECLARED, METRICS, PIXELS, STAMPS, Column, parse
from bench.reporting import phrases
from bench.reporting.group import Group
from bench.reporting.phrases import measurement
from bench.reporting.table import Cell, Table, adjacent, distinct, number, word

LATENT = {
    "latent_mmd": "MMD²",
    "latent_mmd_p": "its p (mean)",
    "latent_sliced_wasserstein": "sliced W₂",
    "latent_c2st": "told apart",
    "latent_probe": "linear probe",
    "latent_uniformity_excess": "uniformity excess",
    "latent_norm": "norm",
    "latent_norm_sd": "sd of norm",
    "latent_mean_norm": "norm of mean",
    "latent_active_dims": "active dims",
    "latent_effective_rank": "effective rank",
}
LATENT_ABOUT = (
    "Draws from q(z|x) on held-out images, compared with as many samples of the prior. The last rows show the values "
    "expected from a perfect match, at this sample size. MMD² with its permutation p-value; sliced Wasserstein-2 "
    "distance; told apart: the accuracy of a classifier that separates new codes from new samples (0.5: it cannot); "
    "norms; and the number of directions in use."
)
PROBE_ABOUT = (
    " Linear probe: the accuracy of logistic regression of the labels on deterministic codes, on held-out images; "
    "samples of the prior stand for chance."
)
# Groups of columns that fold on the page.
FOLDS: dict[str, str] = {"distance": "distances", "kernel": "distances"}
FOLDS |= dict.fromkeys(("precision", "recall", "density", "coverage"), "precision and recall")
LATENT_FOLDS: dict[str, str] = dict.fromkeys(("latent_norm", "latent_norm_sd", "latent_mean_norm"), "norms")
LATENT_FOLDS |= dict.fromkeys(("latent_active_dims", "latent_effective_rank"), "directions") | {"latent_probe": ""}
RECONSTRUCTION = "reconstruction_test"
ARROWS = {"lower": "↓", "higher": "↑", "real": "≈"}  # which values are better; ≈: those of real images
COUNTS = ("n_floor", "n_neighbours", "n_training")  # of images, in a caption
BRIEF = "Means over seeds, at the last checkpoint, ± half of a 95% interval; of two seeds, both values."
MEANS = (
    "Means over the finished training seeds, at the last checkpoint (never the best one), ± the half width of a 95% "
    "Student-t interval; of two seeds, both values instead. The lowest mean distance comes first."
)


def tables(group: Group) -> list[Table]:
    """Return the tables of generated images and the table of codes."""
    return generated(group) + _latent(group)


def generated(group: Group) -> list[Table]:
    """Return one table for each full protocol of generated images, the trainings' own first."""
    return [_generated(group, columns, i) for i, columns in enumerate(protocols(group.fresh))]


def _latent(group: Group) -> list[Table]:
    declared = {f"latent_{name}": metric for name, metric in DECLARED.items() if metric.of == "codes"}
    known = {**{name: f"{each.heading} {ARROWS[each.better]}" for name, each in declared.items()}, **LATENT}
    names = [name for name in (*LATENT, *declared) if f"{name}_mean" in group.summary]
    if not names:
        return []
    expected = [
        [word(f"samples of the prior: {prior}"), word(""), *(number(values.get(name)) for name in names)]
        for prior, values in across_seeds.prior_samples(group.fresh).items()
    ]
    rows = [
        [*map(word, (record["variant"], phrases.seeds(record))), *(measurement(record, name) for name in names)]
        for record in frames.records(group.summary)
    ]
    headings = ["variant", "seeds", *(known[name] for name in names)]
    about = LATENT_ABOUT + (PROBE_ABOUT if "latent_probe" in names else "")
    about += "".join(f" {each.about}" for name, each in declared.items() if name in names)
    folds = LATENT_FOLDS | dict.fromkeys(declared, "")
    groups = adjacent(["", *(folds.get(name, "match") for name in names)])
    return [Table("codes", "Codes against the prior", headings, rows, about, expected, words=2, groups=groups)]


def protocols(rows: pd.DataFrame) -> list[list[Column]]:
    """Return the columns of generated images by protocol; partial ones, of curves only, if no protocol is full."""
    found: dict[tuple[str, int, str], list[Column]] = {}
    for column in across_seeds.generated(rows):
        if not METRICS[column.metric].ignores:
            found.setdefault((column.extractor, column.samples, column.label), []).append(column)
    full = [columns for columns in found.values() if any(c.metric == "precision" for c in columns)]
    return [columns + _beside(rows, columns[0]) for columns in full or found.values()]


def _beside(rows: pd.DataFrame, distance: Column) -> list[Column]:
    """Columns that do not depend on the whole protocol, and were measured in the same rows as `distance`."""
    measured = rows[rows[str(distance)].notna()]
    found: dict[str, Column] = {}
    for column in across_seeds.generated(rows):
        related = METRICS[column.metric].ignores and column.extractor in (PIXELS, distance.extractor)
        if related and measured[str(column)].notna().any():
            found.setdefault(column.metric, column)
    return list(found.values())


def _generated(group: Group, columns: list[Column], index: int) -> Table:
    """The table of one protocol. index: 0 for the headline's protocol, whose table lists every variant."""
    rows, names = group.fresh, [str(column) for column in columns]
    fullest = rows[names].notna().sum(axis=1).idxmax()
    stamp = frames.records(rows.loc[[fullest], [s for s in (*STAMPS, *COUNTS) if s in rows]])[0]
    mean = f"{names[0]}_mean"
    ranked = group.summary.sort_values(mean, kind="stable") if mean in group.summary else group.summary
    listed = [r for r in frames.records(ranked) if index == 0 or any(r[f"{name}_n"] for name in names)]
    bold = phrases.bold_note(group, names[0])
    extra = [RECONSTRUCTION] if index == 0 and f"{RECONSTRUCTION}_mean" in group.summary else []
    headings = [f"{phrases.heading(c)} {ARROWS[METRICS[c.metric].better]}" for c in columns]
    return Table(
        f"generated_{index}" if index else "generated",
        f"Generated images: {phrases.protocol(stamp)}" + (f" [{columns[0].label}]" if columns[0].label else ""),
        ["variant", "prior", "seeds", *headings, *(["squared error ↓"] if extra else []), "each seed"],
        _rows(group, listed, names, extra),
        " ".join([MEANS, bold, *phrases.caveats(columns, stamp)]),
        _real_images(rows, columns, stamp, blanks=len(extra) + 1),
        words=3,
        groups=adjacent(["", "", *(FOLDS.get(c.metric, "more") for c in columns), *["more"] * len(extra), ""]),
        brief=" ".join([BRIEF, bold, *phrases.too_few(columns[0], stamp)]),
    )


def _rows(group: Group, listed: list[Record], names: list[str], extra: list[str]) -> list[list[Cell]]:
    best = {name: significance.best(group.values(name)) for name in names if is_distance(name)}
    least = {name: distinct(r.get(f"{name}_mean", math.nan) for r in listed) for name in best}
    return [
        [
            *map(word, (record["variant"], record["prior"], phrases.seeds(record))),
            *(
                measurement(record, name, best.get(name) == record["variant"], least.get(name, 2))
                for name in names + extra
            ),
            word(phrases.each_seed(group, record, names[0])),
        ]
        for record in listed
    ]


def _real_images(rows: pd.DataFrame, columns: list[Column], stamp: Record, blanks: int) -> list[list[Cell]]:
    """The row of real images, the floor, if it was measured."""
    constants = across_seeds.constants(rows)
    if not any(column.real in constants for column in columns):
        return []
    values = [number(constants[c.real]) if c.real in constants else word("") for c in columns]
    return [[word(f"{int(stamp['n_floor']):,} real images"), word(""), word(""), *values, *[word("")] * blanks]]


def is_distance(name: str) -> bool:
    """Whether a column is a Fréchet distance of generated images."""
    column = parse(name)
    return column is not None and column.metric == "distance"
