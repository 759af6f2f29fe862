"""What a report's tables show, whatever they are printed on: columns, headings, protocols, rows of constants."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from bench import statistics, tables
from bench.columns import LOWER_IS_BETTER, STAMPS, Column, parse

PLAIN = {
    "reconstruction_test": "squared error ↓",
    "train_seconds": "training s",
    "evaluation_seconds": "evaluation s",
}
LATENT = {
    "latent_mmd": "MMD²",
    "latent_mmd_p": "its p",
    "latent_sliced_wasserstein": "sliced W₂",
    "latent_c2st": "told apart",
    "latent_uniformity_excess": "uniformity excess",
    "latent_norm": "norm",
    "latent_norm_sd": "sd of norm",
    "latent_mean_norm": "norm of mean",
    "latent_active_dims": "active dims",
    "latent_effective_rank": "effective rank",
}


@dataclass(frozen=True)
class Table:
    """Measured columns with what stands above them, one row a variant, and rows of constants below.

    constants: what stands in a row's first cell -> column -> value.
    """

    title: str
    about: str
    headings: dict[str, str]
    constants: dict[str, dict[str, float]] = field(default_factory=dict)
    main: bool = True  # shows all variants, measured or not

    def records(self, summary: pd.DataFrame) -> list[dict[str, Any]]:
        """The variants' records of the summary that this table shows."""
        found = tables.records(summary)
        return [r for r in found if self.main or any(not pd.isna(r[f"{metric}_mean"]) for metric in self.headings)]

    def cells(self, record: dict[str, Any]) -> list[str]:
        """Of a variant's record of the summary."""
        return [spread(record, metric) for metric in self.headings]

    def means(self, record: dict[str, Any]) -> list[str]:
        """The same for narrow places: extremes beside distances only."""
        return [spread(record, metric, extremes=metric in self.distances) for metric in self.headings]

    @property
    def distances(self) -> list[str]:
        columns = {metric: parse(metric) for metric in self.headings}
        return [metric for metric, column in columns.items() if column and column.metric == "distance"]

    def constant_cells(self, values: dict[str, float]) -> list[str]:
        return [number(values[metric]) if metric in values else "" for metric in self.headings]


def shown(rows: pd.DataFrame, summary: pd.DataFrame) -> list[Table]:
    """One table for each protocol under which generated images were measured in full, and one for the codes."""
    constants = statistics.constants(rows)
    plain = {name: heading for name, heading in PLAIN.items() if f"{name}_mean" in summary}
    first, *others = _protocols(rows) or [[]]
    found = [_generated(rows, first, constants, plain)] if first else [Table("Trials", "", plain)]
    found += [_generated(rows, columns, constants, {}) for columns in others]
    latent = {name: heading for name, heading in LATENT.items() if f"{name}_mean" in summary}
    if latent:
        chance = {f"*samples of the prior: {name}*": v for name, v in statistics.prior_samples(rows).items()}
        found.append(Table("Codes against the prior", LATENT_ABOUT, latent, chance))
    return found


LATENT_ABOUT = (
    "Draws from q(z|x) on held-out images against as many samples of the prior; the last rows are what chance makes "
    "of a perfect match. MMD² and its permutation p-value, sliced Wasserstein-2 distance, how often a classifier tells "
    "new codes from new samples (0.5: it cannot), norms, and directions in use."
)


def _protocols(rows: pd.DataFrame) -> list[list[Column]]:
    """The generated-image columns by protocol; quick measures, made for curves, only where there is nothing else."""
    groups: dict[tuple[Any, ...], list[Column]] = {}
    for column in statistics.generated(rows):
        if column.metric != "reconstruction":
            groups.setdefault((column.extractor, column.samples, column.label), []).append(column)
    full = [columns for columns in groups.values() if any(c.metric == "precision" for c in columns)]
    return [columns + _reconstructions(rows, columns[0]) for columns in full or groups.values()]


def _reconstructions(rows: pd.DataFrame, beside: Column) -> list[Column]:
    """The column of the distance of reconstructions in the very rows of another column."""
    mine = rows[rows[str(beside)].notna()]
    found = [c for c in statistics.generated(rows) if c.metric == "reconstruction" and c.extractor == beside.extractor]
    return [column for column in found if mine[str(column)].notna().any()][:1]


def _generated(rows: pd.DataFrame, columns: list[Column], constants: dict[str, float], more: dict[str, str]) -> Table:
    first = columns[0]
    fullest = rows[[str(column) for column in columns]].notna().sum(axis=1).idxmax()
    stamp = tables.records(rows.loc[[fullest], [s for s in (*STAMPS, "n_floor", "n_neighbours") if s in rows]])[0]
    headings = {str(c): f"{_heading(c)} {'↓' if c.metric in LOWER_IS_BETTER else '↑'}" for c in columns}
    real = {str(c): constants[c.real] for c in columns if c.real in constants}
    title = f"Generated images: {protocol(stamp)}" + (f" [{first.label}]" if first.label else "")
    floor = f"*{int(stamp['n_floor']):,} real images*"
    return Table(title, _caveats(columns, stamp), headings | more, {floor: real} if real else {}, main=bool(more))


def _caveats(columns: list[Column], stamp: dict[str, Any]) -> str:
    """Of how many images the values are, where that is not in the title, and whether it is enough."""
    said = []
    if any(column.metric == "precision" for column in columns):
        said.append(
            f"Precision, recall, density and coverage are of {int(stamp['n_neighbours']):,} images of each kind."
        )
    fewest, features = min(stamp["n_generated"], stamp["n_real"]), 2048 if columns[0].extractor == "inception" else 64
    if fewest <= features:
        said.append(f"{int(fewest):,} images are few for {features:,} features: the Fréchet distance is far too high.")
    return " ".join(said)


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


def seeds(record: dict[str, Any]) -> str:
    """'3', or '2 of 3 (1 diverged)'."""
    missing = [f"{record[state]} {state}" for state in statistics.STATES[1:] if record[state]]
    return f"{record['done']} of {record['seeds']} ({', '.join(missing)})" if missing else str(record["done"])


def spread(record: dict[str, Any], metric: str, extremes: bool = True) -> str:
    """'12.3 [11.9, 12.8]': the mean and the extremes over seeds; '12.3 (1 of 3)' where not all were measured."""
    mean, n = record.get(f"{metric}_mean"), record.get(f"{metric}_n", 0)
    if mean is None or pd.isna(mean):
        return "-"
    some = f" ({n} of {record['done']})" if n < record["done"] else ""
    if n < 2 or not extremes:
        return number(mean) + some
    return f"{number(mean)} [{number(record[f'{metric}_min'])}, {number(record[f'{metric}_max'])}]{some}"


def number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def notes(summary: pd.DataFrame, trials: pd.DataFrame, rows: pd.DataFrame, description: dict[str, Any]) -> list[str]:
    """What a reader must know to read the tables rightly."""
    lines = ["Mean [least, greatest] over the seeds that finished, at the last checkpoint; best mean first."]
    extractors = {column.extractor for column in statistics.generated(rows)}
    if extractors:
        lines.append(
            "The row *real images* is the floor: the same measures of real images of another split. A Fréchet distance "
            "of fewer images is higher: where there are fewer real images than generated ones, a good generator may "
            "come below it."
        )
    if extractors - {"inception"}:
        accuracy = f" (test accuracy {rows['extractor_accuracy'].dropna().max():.1%})" if _accurate(rows) else ""
        lines.append(
            f"`fd_...` is the Fréchet distance in the features of a network trained here{accuracy}, between images "
            "that it was not trained on; it is not comparable with published FID, nor between data sets."
        )
    lines.append("Training seconds depend on what else the machine was doing.")
    if summary["done"].max() < 5:
        lines.append("With fewer than 5 seeds these are points, not evidence of a difference.")
    if description.get("skipped_images"):
        lines.append(f"{description['skipped_images']} images of the data set could not be used and were left out.")
    lost = trials[trials["state"].isin(["diverged", "failed"])]
    lines += [f"- `{r['variant']}` seed {r['seed']} {r['state']}: {r['reason']}" for r in tables.records(lost)]
    if trials["stale"].any():
        lines.append("Stale trials (the method's source has changed since) are left out; see --retrain-stale.")
    return lines


def _accurate(rows: pd.DataFrame) -> bool:
    return "extractor_accuracy" in rows and bool(rows["extractor_accuracy"].notna().any())
