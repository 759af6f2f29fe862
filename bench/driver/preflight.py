"""Checks, a confirmation and choices before a run, so that a run that cannot succeed fails at once."""

import importlib.util
import sys

import torch
import typer

from bench.driver.choices import MANY_TRIALS
from bench.errors import UserError, say, warn
from bench.evaluation.feature_network import FEATURES, TRAINED
from bench.evaluation.reference import MIN_IMAGES
from bench.executors.base import Resources
from bench.experiment.settings import Experiment, Training
from bench.runtime.environment import has_bf16
from methods.networks import NETWORKS

LIBRARIES = ("jinja2", "matplotlib", "pandas", "plotly", "pyarrow", "scipy", "sklearn")  # of evaluations and reports


def check_libraries() -> None:
    """Check that what evaluations and reports import late is installed: not after days of training.

    Raises:
        UserError: A library is missing.
    """
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"not installed: {', '.join(missing)}; install this project anew, with pip install -e .")


def confirm(trials: int, yes: bool) -> None:
    """Ask for confirmation of a run of more than MANY_TRIALS trials, unless `yes`.

    Raises:
        UserError: There is no terminal to ask on.
        SystemExit: The user declined.
    """
    if trials <= MANY_TRIALS or yes:
        return
    if not sys.stdin.isatty():
        raise UserError(f"this run has {trials} trials; --dry-run lists them with their cost, --yes runs them")
    if not typer.confirm(f"this run has {trials} trials; start it?"):
        raise SystemExit(2)


def check_image_counts(experiment: Experiment, counts: dict[str, int]) -> None:
    """Check that the data set is large enough for the protocol.

    Args:
        experiment: The experiment, with its extractor resolved.
        counts: Number of images in each split.

    Raises:
        UserError: A split is too small.
    """
    name, training, split = experiment.dataset, experiment.training, experiment.evaluation.split
    train = min(counts["train"], training.train_images or counts["train"])
    if train < training.batch_size:
        raise UserError(
            f"{name} has {train} training images, fewer than one batch; add images, or lower training.batch_size (now "
            f"{training.batch_size})"
        )
    extractor = experiment.evaluation.extractor
    trained_here = extractor in TRAINED
    if trained_here and counts[split] <= FEATURES:
        raise UserError(
            f"{name} has {counts[split]} {split} images, too few to compare with: a Fréchet distance in {FEATURES} "
            f"features needs more than {FEATURES} images; add images (without a folder test, a tenth are test images)"
        )
    other = "train" if extractor == "inception" else "validation"
    smallest = min((other, split), key=lambda part: counts[part])
    if counts[smallest] < MIN_IMAGES:
        raise UserError(
            f"{name} has {counts[smallest]} {smallest} images, but the comparison needs {MIN_IMAGES}; add images"
        )


def resolve_precision(experiment: Experiment, before: str | None, resources: Resources) -> Training:
    """Resolve the precision "auto": bf16 if the hardware has it and the networks gain by it, else fp32.

    Args:
        experiment: The experiment, with its network resolved.
        before: The precision that the experiment has used so far, if any; it is kept.
        resources: CPUs and GPUs per trial, and the cluster.

    Raises:
        UserError: The choice depends on the machines of a cluster.
    """
    training = experiment.training
    if training.precision != "auto":
        return training
    needs_fp32 = training.reconstruction == "cross_entropy" or not NETWORKS[experiment.network.name].heavy
    if resources.address and not (before or needs_fp32):
        choice = "--set training.precision=bf16 if its machines are fast at bf16, else --set training.precision=fp32"
        raise UserError(f"choose the cluster's precision for {experiment.network.name}: {choice}")
    precision = before or ("bf16" if not needs_fp32 and _has_bf16(resources) else "fp32")
    return training.model_copy(update={"precision": precision})


def _has_bf16(resources: Resources) -> bool:
    return has_bf16(torch.cuda.is_available() and resources.gpus != 0)


def report_precision(asked: Training, resolved: Training, resources: Resources) -> None:
    """Print that bf16 was chosen, if it was; warn if this machine is to train in it and emulates it."""
    if resolved.precision != "bf16":
        return
    if not resources.address and not _has_bf16(resources):
        warn("this processor emulates bf16, many times more slowly than float32; use --set training.precision=fp32")
    elif asked.precision == "auto":
        say("networks compute in bf16, as the processor can; --set training.precision=fp32 for float32")
