"""Convert command-line options to the types that the driver uses. Does not import torch."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.data import datasets
from bench.errors import UserError, unknown
from bench.io.object_store import Remote, is_uri, remote
from bench.metrics.columns import EXTRACTORS

if TYPE_CHECKING:
    from bench.loggers.base import Log

Overrides = dict[str, Any]  # settings by section, as in a YAML file: {"seeds": 5, "training": {"epochs": 10}}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options that control how a run is carried out; none changes a result.

    Attributes:
        out: The experiment's folder on this machine.
        storage: The experiment's folder in an object store, if any.
        executor: Name of a module in bench/executors.
        extractor: File of a stored extractor, to use instead of training one.
        inception_weights: File of Inception weights, to use instead of downloading them.
        checkpoint_seconds: Maximum time between two checkpoints.
        eager: On GPUs, run operations one by one instead of as a CUDA graph.
        force: Retrain every trial.
        retrain_stale: Also retrain trials whose method's code has changed.
        accept_stale: Record the present code as that of trials whose method's code has changed.
        retry_failed: Also retry trials that failed or diverged.
        yes: Do not ask for confirmation.
        log: The experiment trackers that rows are sent to.
        live: Rebuild the page while trials train.
    """

    out: Path
    storage: Remote | None
    executor: str
    extractor: Path | None
    inception_weights: Path | None
    checkpoint_seconds: float
    eager: bool
    force: bool
    retrain_stale: bool
    accept_stale: bool
    retry_failed: bool
    yes: bool
    log: "Log"
    live: bool


def drop_missing(values: Overrides) -> Overrides:
    """Remove options that are not given, and empty sections."""
    return {key: value for key, value in values.items() if value is not None and value != {}}


def preprocessing_overrides(image_size: int | None, crop: int | None, grey: bool | None) -> Overrides:
    """Return the settings of the section `preprocessing` that the options change."""
    channels = None if grey is None else 1 if grey else 3
    return drop_missing({"image_size": image_size, "crop": crop, "channels": channels})


def extractor_option(value: str | None) -> tuple[str | None, Path | None]:
    """Split --extractor into the name of an extractor or the path of a stored one."""
    if value in (None, "auto", *EXTRACTORS):
        return value, None
    path = Path(value)
    if not path.exists() and path.suffix != ".pt":
        raise unknown("extractor", value, ["auto", *EXTRACTORS])
    return None, path


def data_roots(dataset: str, data_root: Path | None, prepared: Path | None) -> tuple[Path, Path]:
    """Return the absolute data root and folder of prepared sets. A user's own images are never written to."""
    own = datasets.get(dataset).own if dataset else ""
    if own and data_root is None:
        raise UserError(f"--dataset {dataset} needs --data-root {own}")
    root = (data_root or Path("data")).resolve()
    parent = Path("data").resolve() if own else root
    return root, (prepared or parent / "prepared").resolve()


def experiment_folders(name: str, out: Path | None, storage: str | None) -> tuple[Path, Remote | None]:
    """Return the experiment's folder on this machine, and its folder in an object store, if any."""
    if storage is None or is_uri(storage):
        folder = (out or Path("results") / name).resolve()
        return folder, None if storage is None else remote(storage) / folder.name
    if out is not None:
        raise UserError(f"--out {out} and --storage {storage} are both folders; give only one of them")
    return (Path(storage) / name).resolve(), None


def live_page(asked: bool | None, storage: Remote | None, is_terminal: bool) -> bool:
    """Return whether the page is rebuilt while the run trains. `asked`: --live or --no-live; None if not given."""
    if asked and storage is not None:
        raise UserError(
            f"--live needs trials on this machine, not in {storage}; leave it out, and use bench.pull and bench.report"
        )
    return is_terminal and storage is None if asked is None else asked


def custom_resources(texts: list[str]) -> dict[str, float]:
    """Parse --resource NAME=AMOUNT options."""
    amounts = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            amount = float(value)
        except ValueError:
            amount = math.nan
        if not name or not 0 < amount < math.inf:
            raise UserError(f"--resource takes NAME=AMOUNT, such as a100=1, not {text!r}")
        if name in ("CPU", "GPU"):
            raise UserError(f"--resource {text}: use --{name.lower()}s-per-trial for {name}s")
        if name in amounts:
            raise UserError(f"--resource {name} is given twice; give it once")
        amounts[name] = amount
    return amounts
