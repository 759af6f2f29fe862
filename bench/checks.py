"""What is refused, asked or chosen before a run: the sooner, the less is waited for in vain."""

import sys
from pathlib import Path

import typer

from bench.config import Experiment
from bench.errors import RunError, UserError, reason
from bench.evaluation.extractor import FEATURES, FILE, load_extractor

MANY_TRIALS = 200  # more than these are asked about


def confirm(trials: int, yes: bool) -> None:
    """Ask before very many trials; where nobody can answer, `yes` must have been given."""
    if trials <= MANY_TRIALS or yes:
        return
    if not sys.stdin.isatty():
        raise UserError(f"these are {trials} trials; --dry-run lists them with their cost, --yes runs them")
    if not typer.confirm(f"these are {trials} trials; run them?"):
        raise SystemExit(2)


def can_be_a_folder(path: Path) -> None:
    """Refuse, without writing, a folder that cannot be made because a file is in its way."""
    nearest = next(place for place in (path, *path.parents) if place.exists())
    if not nearest.is_dir():
        raise RunError(f"cannot write {path}: {nearest} is not a folder")


def enough_images(experiment: Experiment, counts: dict[str, int]) -> None:
    """Refuse a data set that is too small for the protocol. counts: images in each split."""
    name, training, split = experiment.dataset, experiment.training, experiment.evaluation.split
    train = min(counts["train"], training.train_images or counts["train"])
    if train < training.batch_size:
        raise UserError(
            f"{name} has {train} training images, less than one batch; add images, or lower training.batch_size (now "
            f"{training.batch_size})"
        )
    if counts[split] <= FEATURES:
        raise UserError(
            f"{name} has {counts[split]} {split} images, too few to compare with: a distance between {FEATURES} "
            f"features needs more than {FEATURES}; add images"
        )


def with_extractor(experiment: Experiment, labelled: bool) -> Experiment:
    """The experiment with "auto" resolved: a classifier where images have labels, else a rotation network."""
    evaluation = experiment.evaluation
    if evaluation.extractor == "classifier" and not labelled:
        raise UserError(
            f"{experiment.dataset} has no labels to train a classifier on; use evaluation.extractor=rotation"
        )
    if evaluation.extractor != "auto":
        return experiment
    chosen = "classifier" if labelled else "rotation"
    return experiment.model_copy(update={"evaluation": evaluation.model_copy(update={"extractor": chosen})})


def stored_extractor(path: Path | None) -> bytes | None:
    """The bytes of the extractor that --extractor names, if any."""
    if path is None:
        return None
    try:
        stored = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read the extractor {path}: {reason(error)}") from None
    try:
        load_extractor(stored)
    except UserError as error:
        raise UserError(f"{path} is {error}; results/NAME/extractor/{FILE} is one") from None
    return stored
