"""What a reader must know to read the tables rightly, what failed, and how everything was made."""

from typing import Any

import pandas as pd

from bench.analysis import across_seeds, frames
from bench.reporting.group import Group

LAST_LINES = 30  # of a traceback


def notes(group: Group) -> list[str]:
    """Sentences, with Markdown's marks."""
    rows, summary = group.fresh, group.summary
    lines = [group.unlike] if group.unlike else []
    extractors = {column.extractor for column in across_seeds.generated(rows)}
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
    if len(group.shown) < len(summary):
        lines.append("Figures show the best variant of each method and prior; tables have all.")
    skipped = group.description.skipped_images
    if skipped:
        lines.append(f"{skipped} images of the data set could not be used and were left out.")
    if summary["stale"].any():
        lines.append("Stale trials (the method's source has changed since) are left out; see --retrain-stale.")
    return lines


def _accurate(rows: pd.DataFrame) -> bool:
    return "extractor_accuracy" in rows and bool(rows["extractor_accuracy"].notna().any())


def failures(group: Group) -> list[dict[str, Any]]:
    """Trials that diverged or failed, with the end of the traceback where there is one."""
    lost = group.trials[group.trials["state"].isin(["diverged", "failed"])]
    return [record | {"error": _traceback(group, record)} for record in frames.records(lost)]


def _traceback(group: Group, record: dict[str, Any]) -> str:
    whole = group.trial(record).read_whole("error.txt") or b""
    return "\n".join(whole.decode(errors="replace").splitlines()[-LAST_LINES:])


def provenance(group: Group) -> list[tuple[str, str]]:
    """Commands; machines, software and commit; dates; and the protocol."""
    protocol = group.description.written
    machines = [machine for folder in group.folders for machine in frames.machines(folder)]
    began, ended = group.trials["began"].dropna(), group.trials["ended"].dropna()
    dates = (
        f"first trial began {began.min()}, last ended {ended.max()}" if len(began) and len(ended) else "no trial began"
    )
    return [
        ("Commands", "\n".join(group.description.commands)),
        ("Machines, software, commit", "\n".join(dict.fromkeys(machines))),
        ("Dates", dates),
        ("Protocol", "\n".join(f"{section}: {values}" for section, values in protocol.items())),
    ]
