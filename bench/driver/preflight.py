"""What is refused, asked or chosen before a run: the sooner, the less is waited for in vain."""

import sys
from pathlib import Path

import torch
import typer

from bench.errors import RunError, UserError
from bench.evaluation.feature_network import FEATURES
from bench.evaluation.reference import FEWEST
from bench.executors.base import Resources
from bench.experiment.settings import Experiment, Training
from bench.runtime.environment import has_bf16
from methods.networks import NETWORKS

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
    trained = experiment.evaluation.extractor != "inception"
    if trained and counts[split] <= FEATURES:
        raise UserError(
            f"{name} has {counts[split]} {split} images, too few to compare with: a distance between {FEATURES} "
            f"features needs more than {FEATURES}; add images"
        )
    fewest = min(("validation", split) if trained else ("train", split), key=lambda part: counts[part])
    if counts[fewest] < FEWEST:
        raise UserError(
            f"{name} has {counts[fewest]} {fewest} images, but {FEWEST} are needed to compare with; add images"
        )


def with_precision(experiment: Experiment, before: str | None, resources: Resources) -> Training:
    """ "auto" resolved: what the experiment has `before`, else bf16 where it is had and of use.

    Raises:
        UserError: it depends on the machines of a cluster.
    """
    training = experiment.training
    if training.precision != "auto":
        return training
    exact = training.reconstruction == "cross_entropy" or not NETWORKS[experiment.network.name].heavy
    if resources.address and not (before or exact):
        choice = "--set training.precision=bf16 where the cluster's machines are fast at it, else fp32"
        raise UserError(f"with --address, networks as large as {experiment.network.name} need {choice}")
    on_gpu = torch.cuda.is_available() and resources.gpus != 0
    found = before or ("bf16" if not exact and has_bf16(on_gpu) else "fp32")
    return training.model_copy(update={"precision": found})
