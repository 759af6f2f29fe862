"""Which network an experiment compares images with: found or trained before any trial, loaded by each."""

from pathlib import Path

import torch
from filelock import FileLock

from bench.data.images import grid_columns, grid_png
from bench.data.preparation import Prepared
from bench.data.sources import file_sha256
from bench.errors import UserError
from bench.evaluation import feature_network
from bench.evaluation.inception import Inception, find
from bench.evaluation.reference import Extractor
from bench.experiment.settings import Evaluation
from bench.io.files import Folder, make_folder, sha256
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
        there = folder.read_whole(FILE)
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
    if not folder.whole(REAL):
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
        if not cache.whole(name):
            cache.write(name, feature_network.train_extractor(data, evaluation.extractor, evaluation.extractor_steps))
        return cache.read(name)


def _refuse_unfit(extractor: feature_network.Trained, data: Prepared, evaluation: Evaluation) -> None:
    if extractor.name != evaluation.extractor:
        kinds = f"a {extractor.name} network, not a {evaluation.extractor} one"
        raise UserError(f"the stored extractor is {kinds}; leave out --extractor to train another")
    if tuple(extractor.about["shape"]) != data.shape:
        shapes = f"{extractor.about['shape']}, not {list(data.shape)}"
        raise UserError(f"the extractor is for images of shape {shapes}; leave out --extractor to train another")
