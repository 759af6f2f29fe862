"""Text of a report besides its tables: notes on interpretation, failed trials, and provenance."""

import math
from dataclasses import dataclass

import pandas as pd

from bench.analysis import across_seeds, frames
from bench.analysis.frames import Record
from bench.errors import plural
from bench.experiment.labels import is_named, split_mark, without_point
from bench.reporting import stale
from bench.reporting.group import Group
from bench.store.states import State

TOLD_APART = 0.75  # accuracy above which codes are said to miss the prior
LAST_LINES = 30  # of a traceback
LOST = tuple(state for state in State if state.is_lost)


@dataclass(frozen=True)
class Failure:
    """A trial that diverged or failed, with the end of its traceback (empty if there is none)."""

    variant: str
    seed: int
    state: str
    reason: str
    error: str


def notes(group: Group) -> list[str]:
    """Return the paragraphs that explain the tables, with Markdown's marks for code and emphasis."""
    rows, summary = group.fresh, group.summary
    paragraphs = [group.reason_not_merged] if group.reason_not_merged else []
    extractors = {column.extractor for column in across_seeds.generated(rows)}
    if extractors:
        paragraphs.append(
            "The row *real images* is the floor: the same metrics, computed on real images from another split. The "
            "Fréchet distance is higher for fewer images. If there are fewer real images than generated ones, a good "
            "generator may therefore score below the floor."
        )
    if extractors - {"inception"}:
        accuracy = f" (test accuracy {rows['extractor_accuracy'].dropna().max():.1%})" if _has_accuracy(rows) else ""
        paragraphs.append(
            f"`fd_...` is the Fréchet distance in the features of a network trained here{accuracy}, between images "
            "that it was not trained on. It is not comparable with published FID, nor between data sets."
        )
    asked = group.description.report.baseline
    if asked and len(group.last) and not any(is_named(variant, asked) for variant in group.last["variant"]):
        paragraphs.append("The baseline that was asked for has no finished trial, so there is no verdict.")
    if len(group.shown) < len(summary):
        paragraphs.append("Figures show only the best variant of each method and prior; tables show all variants.")
    paragraphs += _misses(group)
    own = group.description.defaults
    used = [variant for variant in group.summary["variant"] if without_point(split_mark(variant)[0]) in own]
    if used:
        names = ", ".join(f"`{variant}`" for variant in used)
        paragraphs.append(f"Defaults of {group.dataset}, not those of the methods, hold for {names}.")
    skipped = group.description.skipped_images
    if skipped:
        paragraphs.append(f"{plural(skipped, 'unusable image')} of the data set: left out.")
    return paragraphs


def doubts(group: Group) -> list[str]:
    """Return why the distances of a group mean little, or are no results; nothing for most groups."""
    descriptions = [folder.description() for folder in group.folders]
    return list(dict.fromkeys(each.caution for each in descriptions if each and each.caution))


def cautions(group: Group) -> list[str]:
    """Return what a reader has to know before the tables, as plain text."""
    changed = stale.note(group.trials)
    lines = [*_partial(group), *(f"Caution: {text}." for text in doubts(group))]
    return [*lines, *([f"{changed}."] if changed else [])]


def _partial(group: Group) -> list[str]:
    """A warning if trials that were planned have not finished, or have not even begun."""
    unfinished = int(group.trials["state"].eq(State.unfinished).sum())
    counts = {"not finished": unfinished, "not begun": group.unbegun}
    listed = " and ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    of = plural(len(group.trials) + group.unbegun, "planned trial")
    return [f"Partial report: of {of}, {listed}."] if listed else []


def _misses(group: Group) -> list[str]:
    """A warning if the codes of the best variant do not follow its prior: its distance then has another cause."""
    first = frames.records(group.summary.head(1))
    told = first[0].get("latent_c2st_mean", math.nan) if first else math.nan
    if not told > TOLD_APART:
        return []
    variant, prior = first[0]["variant"], first[0]["prior"]
    norm, expected = first[0].get("latent_norm_mean"), across_seeds.prior_samples(group.fresh)[prior].get("latent_norm")
    return [
        f"The codes of `{variant}`, the first row, miss the prior: a classifier tells them from samples in {told:.0%} "
        f"of cases (50% is a perfect match); their mean norm is {norm:.3g}, that of samples {expected:.3g}. Its images "
        "are decoded from codes that it rarely saw in training."
    ]


def _has_accuracy(rows: pd.DataFrame) -> bool:
    return "extractor_accuracy" in rows and bool(rows["extractor_accuracy"].notna().any())


def failures(group: Group) -> list[Failure]:
    """Return the trials that diverged or failed."""
    lost = frames.records(group.trials[group.trials["state"].isin(LOST)])
    return [
        Failure(r["variant"], r["seed"], str(r["state"]), str(r["reason"]), error=_traceback(group, r)) for r in lost
    ]


def _traceback(group: Group, record: Record) -> str:
    content = group.trial(record).read_if_intact("error.txt") or b""
    return "\n".join(content.decode(errors="replace").splitlines()[-LAST_LINES:])


def provenance(group: Group) -> list[tuple[str, str]]:
    """Return (heading, text) pairs: commands, machines and software, dates, and the protocol."""
    machines = [machine for folder in group.folders for machine in frames.machines(folder)]
    began, ended = group.trials["began"].dropna(), group.trials["ended"].dropna()
    dates = (
        f"first trial began {began.min()}, last ended {ended.max()}" if len(began) and len(ended) else "no trial began"
    )
    return [
        ("Commands", "\n".join(group.description.commands)),
        ("Machines, software, commit", "\n".join(dict.fromkeys(machines))),
        ("Dates", dates),
        ("Protocol", "\n".join(f"{name}: {_values(values)}" for name, values in group.description.written.items())),
    ]


def _values(value: object) -> str:
    """Return settings as 'width=16, latent_dim=8' at any depth; None as 'none'."""
    if isinstance(value, dict):
        inside = (
            f"{name}={{{_values(v)}}}" if isinstance(v, dict) else f"{name}={_values(v)}" for name, v in value.items()
        )
        return ", ".join(inside)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_values, value))}]"
    return "none" if value is None else str(value)
