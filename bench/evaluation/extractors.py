"""Which network an experiment compares images with: found or trained before any trial, loaded by each."""

import os
from pathlib import Path

import torch
from filelock import FileLock

from bench.data.prepared import Prepared
from bench.errors import UserError, reason
from bench.evaluation import feature_network, inception
from bench.evaluation.feature_network import load_extractor
from bench.evaluation.features import Extractor
from bench.evaluation.image_grids import grid_columns, grid_png
from bench.evaluation.inception import Inception, find
from bench.experiment.settings import Evaluation
from bench.io import untrusted
from bench.io.files import Folder, file_sha256, make_folder, sha256
from bench.store.folders import REAL

FILE = "extractor.pt"


def ensure(
    folder: Folder,
    cache: Folder,
    data: Prepared,
    evaluation: Evaluation,
    stored: bytes | None = None,
    weights: Path | None = None,
    noted: str | None = None,
) -> str:
    """See that the extractor can be loaded from `folder`, an experiment's; its sha256.

    Args:
        cache: where trained ones are kept for all experiments on this data set.
        stored: the file of a trained one to use instead.
        weights: Inception's.
        noted: the sha256 of the extractor by which the experiment's trials so far were measured.
    Raises:
        UserError: the extractor is not that one, or is of other images.
    """
    if evaluation.extractor == "inception":
        assert weights is not None  # `bench.driver.preflight` has seen to it
        found = file_sha256(weights)
    else:
        there = folder.read_if_intact(FILE)
        if folder.exists(FILE) and there is None:
            print(f"warning: {folder.path / FILE} is damaged; making it again", flush=True)
        network = stored or there or _cached(cache, data, evaluation)
        _refuse_unfit(feature_network.load_extractor(network), data, evaluation)
        found = sha256(network)
        if there != network and noted in (None, found):
            folder.write(FILE, network)
    if noted not in (None, found):
        raise UserError(
            f"the trials in {folder.path.parent} were measured by another extractor ({noted[:10]}, not {found[:10]}); "
            "choose another --out"
        )
    if not folder.is_intact(REAL):
        shown = torch.from_numpy(data.images(evaluation.split)[: grid_columns(data.shape[2]) ** 2])
        folder.write(REAL, grid_png(shown))
    return found


def load(folder: Folder, evaluation: Evaluation, weights: Path | None, noted: str) -> Extractor:
    """What `ensure` saw to, in any process on any machine.

    Raises:
        UserError: it is not the one whose sha256 was `noted`.
    """
    if evaluation.extractor == "inception":
        # The driver's cache need not be this machine's.
        here = weights if weights and weights.exists() else find(None, download=True)
        extractor = Inception.load(here, precision=evaluation.extractor_precision)
    else:
        extractor = feature_network.load_extractor(folder.read(FILE))
    if extractor.sha256 != noted:
        raise UserError(f"the extractor here is another one ({extractor.sha256[:10]}, not {noted[:10]})")
    return extractor


def obtain(
    cache: Folder, data: Prepared, evaluation: Evaluation, stored: bytes | None, weights: Path | None
) -> Extractor:
    """One to measure finished trials with; see `ensure`."""
    if evaluation.extractor == "inception":
        assert weights is not None  # `bench.driver.preflight` has seen to it
        return Inception.load(weights, precision=evaluation.extractor_precision)
    extractor = feature_network.load_extractor(stored or _cached(cache, data, evaluation))
    _refuse_unfit(extractor, data, evaluation)
    return extractor


def _cached(cache: Folder, data: Prepared, evaluation: Evaluation) -> bytes:
    name = f"{evaluation.extractor}-{evaluation.extractor_steps}-{feature_network.RECIPE}.pt"
    make_folder(cache.path)
    with FileLock(cache.path / ".lock"):
        if not cache.is_intact(name):
            cache.write(name, feature_network.train_extractor(data, evaluation.extractor, evaluation.extractor_steps))
        return cache.read(name)


def _refuse_unfit(extractor: feature_network.Trained, data: Prepared, evaluation: Evaluation) -> None:
    if extractor.name != evaluation.extractor:
        kinds = f"a {extractor.name} network, not a {evaluation.extractor} one"
        raise UserError(f"the stored extractor is {kinds}; leave out --extractor to train another")
    if tuple(extractor.about["shape"]) != data.shape:
        shapes = f"{extractor.about['shape']}, not {list(data.shape)}"
        raise UserError(f"the extractor is for images of shape {shapes}; leave out --extractor to train another")


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


def stored_extractor(path: Path | None) -> bytes | None:
    """The bytes of the extractor that --extractor names, if any."""
    if path is None:
        return None
    try:
        stored = untrusted.read_bounded(path, untrusted.MAX_FILE_BYTES)
    except OSError as error:
        raise UserError(f"cannot read the extractor {path}: {reason(error)}") from None
    try:
        load_extractor(stored)
    except UserError as error:
        raise UserError(f"{path} is {error}; results/NAME/extractor/{FILE} is one") from None
    return stored
