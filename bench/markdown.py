"""The summary as text: what a reader of the table, and of the page, must know."""

from typing import Any

import pandas as pd

from bench import statistics, tables

HEADINGS = {
    "fd_classifier": "fd_classifier ↓",
    "fd_rotation": "fd_rotation ↓",
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
    lines = [
        f"# {dataset.get('name', 'results')}",
        "",
        *table(summary, floors),
        "",
        *notes(summary, trials, floors, description),
    ]
    lines += ["", "Made by:", ""] + [f"    {command}" for command in description.get("commands", [])]
    lines += ["", *(f"On: {machine}." for machine in machines)]
    lines += ["", f"Data set fingerprint `{dataset.get('fingerprint', '')[:16]}`, extractor sha256 "]
    lines[-1] += f"`{protocol.get('extractor_sha256', '')[:16]}`. Columns and units: results/README.md."
    return "\n".join(lines) + "\n"


def table(summary: pd.DataFrame, floors: dict[str, float]) -> list[str]:
    shown = headings(summary)
    head = ["variant", "prior", "seeds", *shown.values()]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * 3 + "---:|" * len(shown)]
    for record in tables.records(summary):
        cells = [f"`{record['variant']}`", record["prior"], seeds(record), *(spread(record, m) for m in shown)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    if floors:
        lines.append("| *real images* | | | " + " | ".join(real(shown, floors)) + " |")
    return lines


def headings(summary: pd.DataFrame) -> dict[str, str]:
    """The measured columns that these trials have, and what stands above them."""
    return {metric: heading for metric, heading in HEADINGS.items() if f"{metric}_mean" in summary}


def real(shown: dict[str, str], floors: dict[str, float]) -> list[str]:
    """The row of real images: the floor of a distance, or a measure of real images; empty where there is neither."""
    values = [floors.get(f"{metric}_floor", floors.get(f"{metric}_real")) for metric in shown]
    return ["" if value is None else number(value) for value in values]


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


def notes(
    summary: pd.DataFrame, trials: pd.DataFrame, floors: dict[str, float], description: dict[str, Any]
) -> list[str]:
    """What a reader must know to read the table rightly."""
    lines = ["Mean [least, greatest] over the seeds that finished, at the last evaluation; best mean first."]
    if floors:
        lines.append(
            "`fd_classifier` is the Fréchet distance in the features of a classifier trained here, `fd_rotation` in "
            "those of a network that tells by how much an image was turned: neither is comparable with published FID. "
            "The row *real images* is the floor (real train against real test images) and, where there is a "
            "classifier, its confidence on real test images."
        )
    lines.append(
        "A high confidence alone says little (collapsed images can have it), and training seconds depend on what else "
        "the machine was doing."
    )
    if summary["done"].max() < 5:
        lines.append("With fewer than 5 seeds these are points, not evidence of a difference.")
    if description.get("skipped_images"):
        lines.append(f"{description['skipped_images']} images of the data set could not be used and were left out.")
    lost = trials[trials["state"].isin(["diverged", "failed"])]
    lines += [f"- `{r['variant']}` seed {r['seed']} {r['state']}: {r['reason']}" for r in tables.records(lost)]
    if trials["stale"].any():
        lines.append("Stale trials (the method's source has changed since) are left out; see --retrain-stale.")
    return [part for line in lines for part in (line, "")][:-1]
