"""The summary as text: what a reader of the table, and of the page, must know."""

from typing import Any

import pandas as pd

from bench import statistics, tables

HEADINGS = {
    "fd_classifier": "fd_classifier ↓",
    "confidence": "confidence",
    "reconstruction_test": "reconstruction ↓",
    "train_seconds": "train seconds",
}


def page(
    summary: pd.DataFrame,
    trials: pd.DataFrame,
    floors: dict[str, float],
    description: dict[str, Any],
    machines: list[str],
) -> str:
    """The summary as a Markdown page: mean [least, greatest] over seeds, what did not finish, and the protocol."""
    protocol = description.get("protocol", {})
    dataset = protocol.get("dataset", {})
    lines = [f"# {dataset.get('name', 'results')}", "", *table(summary, floors), "", *notes(summary, trials, floors)]
    lines += ["", "Made by:", ""] + [f"    {command}" for command in description.get("commands", [])]
    lines += ["", *(f"On: {machine}." for machine in machines)]
    lines += ["", f"Data set fingerprint `{dataset.get('fingerprint', '')[:16]}`, extractor sha256 "]
    lines[-1] += f"`{protocol.get('extractor_sha256', '')[:16]}`. Columns and units: results/README.md."
    return "\n".join(lines) + "\n"


def table(summary: pd.DataFrame, floors: dict[str, float]) -> list[str]:
    head = ["variant", "prior", "seeds", *HEADINGS.values()]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * 3 + "---:|" * len(HEADINGS)]
    for record in tables.records(summary):
        cells = [f"`{record['variant']}`", record["prior"], seeds(record), *(spread(record, m) for m in HEADINGS)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    if floors:
        real = [number(floors["fd_classifier_floor"]), number(floors["confidence_real"]), "", ""]
        lines.append("| *real images* | | | " + " | ".join(real) + " |")
    return lines


def seeds(record: dict[str, Any]) -> str:
    """'3', or '2 of 3 (1 diverged)'."""
    missing = [f"{record[state]} {state}" for state in statistics.STATES[1:] if record[state]]
    return f"{record['done']} of {record['seeds']} ({', '.join(missing)})" if missing else str(record["done"])


def spread(record: dict[str, Any], metric: str) -> str:
    """'12.3 [11.9, 12.8]': the mean and the extremes over seeds."""
    mean = record.get(f"{metric}_mean")
    if mean is None or pd.isna(mean):
        return "-"
    if record["done"] < 2:
        return number(mean)
    return f"{number(mean)} [{number(record[f'{metric}_min'])}, {number(record[f'{metric}_max'])}]"


def number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def notes(summary: pd.DataFrame, trials: pd.DataFrame, floors: dict[str, float]) -> list[str]:
    """What a reader must know to read the table rightly."""
    lines = ["Mean [least, greatest] over the seeds that finished, at the last evaluation; best mean first."]
    if floors:
        lines.append(
            "`fd_classifier` is the Fréchet distance in the features of a classifier trained here: not comparable with "
            "published FID. The row *real images* is its floor (real train against real test images) and the "
            "classifier's confidence on real test images."
        )
    lines.append(
        "A high confidence alone says little (collapsed images can have it), and training seconds depend on what else "
        "the machine was doing."
    )
    if summary["done"].max() < 5:
        lines.append("With fewer than 5 seeds these are points, not evidence of a difference.")
    lost = trials[trials["state"].isin(["diverged", "failed"])]
    lines += [f"- `{r['variant']}` seed {r['seed']} {r['state']}: {r['reason']}" for r in tables.records(lost)]
    if trials["stale"].any():
        lines.append("Stale trials (the method's source has changed since) are left out; see --retrain-stale.")
    return [part for line in lines for part in (line, "")][:-1]
