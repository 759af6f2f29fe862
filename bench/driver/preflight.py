"""What is refused, asked or chosen before a run: the sooner, the less is waited for in vain."""

import os
import sys
from pathlib import Path

import torch
import typer

from bench.errors import RunError, UserError, reason
from bench.evaluation import inception
from bench.evaluation.extractors import FILE
from bench.evaluation.feature_network import FEATURES, load_extractor
from bench.evaluation.reference import FEWEST
from bench.executors import Resources
from bench.experiment.settings import Evaluation, Experiment, Training
from bench.io import untrusted
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


def inception_weights(
    evaluation: Evaluation, channels: int, given: Path | None, download: bool = True
) -> tuple[Evaluation, Path | None]:
    """The file of FID's Inception weights, where it is wanted; "auto" resolved to "inception" where it is had.

    "auto" wants it for colour images: the network knows photographs, and on a CPU it would take many times longer than
    training on small grey ones.

    Args:
        given: by --inception-weights. download: where there is no file; else "auto" expects that it could be.
    Raises:
        UserError: they are asked for, or a file is named, and cannot be had.
    """
    named = given or os.environ.get(inception.WEIGHTS)
    if evaluation.extractor == "auto" and channels == 1 and not given:
        print("grey images are compared in the features of a network trained here, not FID's (--extractor inception)")
        return evaluation, None
    if evaluation.extractor not in ("auto", "inception"):
        if given:
            raise UserError(f"--inception-weights are of no use to --extractor {evaluation.extractor}; leave one out")
        return evaluation, None
    with_it = evaluation.model_copy(update={"extractor": "inception"})
    try:
        return with_it, inception.find(given, download)
    except UserError as error:
        said = f"FID's Inception weights: {error}"
        if not download and not named:
            print(f"{said}; a run would download them, if it can, and else train a network of its own", flush=True)
            return with_it, None
        if evaluation.extractor == "inception" or named:
            another = "--inception-weights takes pytorch-fid's file, --extractor classifier needs none"
            raise UserError(f"{said}; {another}") from None
        print(f"no {said}; so images are compared in the features of a network trained here, which is not FID")
        return evaluation, None


def with_extractor(evaluation: Evaluation, dataset: str, labelled: bool) -> Evaluation:
    """What is left of "auto" resolved: a classifier where images have labels, else a rotation network."""
    if evaluation.extractor == "classifier" and not labelled:
        raise UserError(f"{dataset} has no labels to train a classifier on; use --extractor rotation")
    if evaluation.extractor_precision == "bf16" and evaluation.extractor != "inception":
        raise UserError("evaluation.extractor_precision=bf16 is Inception's; the extractor here is another network")
    if evaluation.extractor != "auto":
        return evaluation
    return evaluation.model_copy(update={"extractor": "classifier" if labelled else "rotation"})


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


def stored_extractor(path: Path | None) -> bytes | None:
    """The bytes of the extractor that --extractor names, if any."""
    if path is None:
        return None
    try:
        stored = untrusted.read(path, untrusted.FILE)
    except OSError as error:
        raise UserError(f"cannot read the extractor {path}: {reason(error)}") from None
    try:
        load_extractor(stored)
    except UserError as error:
        raise UserError(f"{path} is {error}; results/NAME/extractor/{FILE} is one") from None
    return stored
