"""The extractor of an experiment: trained or copied before the first trial, then loaded by every trial."""

from pathlib import Path

import torch

from bench.data.prepared import Prepared
from bench.errors import UserError, warn, with_article
from bench.evaluation.feature_network import TrainedExtractor, load_extractor
from bench.evaluation.feature_training import RECIPE, train_extractor
from bench.evaluation.features import Extractor
from bench.evaluation.frozen_extractor import FROZEN
from bench.evaluation.image_grids import grid_columns, grid_png
from bench.evaluation.inception import Inception, find_weights
from bench.experiment.origins import ORIGINS
from bench.experiment.settings import Evaluation
from bench.io.files import Folder, file_sha256, make_folder, sha256
from bench.io.locks import file_lock
from bench.store.folders import REAL

FILE = "extractor.pt"
PROBED = 64  # images that an extractor of a plug-in is tried out on


def ensure(
    folder: Folder,
    cache: Folder,
    data: Prepared,
    evaluation: Evaluation,
    stored: bytes | None = None,
    weights: Path | None = None,
    expected: str | None = None,
) -> str:
    """Ensure that trials can load the extractor from an experiment's folder, and return its sha256.

    Args:
        folder: the experiment's folder for the extractor.
        cache: holds trained extractors for all experiments on this data set.
        data: the prepared data set.
        evaluation: the settings, without "auto".
        stored: the bytes of a trained extractor to use instead of training one.
        weights: the file of Inception's weights.
        expected: the sha256 of the extractor that measured the experiment's trials so far.

    Raises:
        UserError: the extractor is not the expected one, or does not fit the images.
    """
    if evaluation.extractor == "inception":
        assert weights is not None  # `extractor_choice.resolve_inception` ensures it
        digest = file_sha256(weights)
        _refuse_other(folder, evaluation.extractor, digest, expected)
    elif evaluation.extractor in FROZEN:
        extractor = FROZEN[evaluation.extractor](data.shape)
        extractor(torch.from_numpy(data.images(evaluation.split)[:PROBED]))
        digest = extractor.sha256
        _refuse_other(folder, evaluation.extractor, digest, expected)
    else:
        digest = _ensure_trained(folder, cache, data, evaluation, stored, expected)
    if not folder.is_intact(REAL):
        images = torch.from_numpy(data.images(evaluation.split)[: grid_columns(data.shape[2]) ** 2])
        folder.write(REAL, grid_png(images))
    return digest


def _ensure_trained(
    folder: Folder,
    cache: Folder,
    data: Prepared,
    evaluation: Evaluation,
    stored: bytes | None,
    expected: str | None,
) -> str:
    own = folder.read_if_intact(FILE)
    if folder.exists(FILE) and own is None:
        warn(f"{folder.path / FILE} is damaged; writing it again")
    network = stored or own or _cached(cache, data, evaluation)
    _refuse_unfit(load_extractor(network), data, evaluation)
    digest = sha256(network)
    _refuse_other(folder, evaluation.extractor, digest, expected)
    if own != network:
        folder.write(FILE, network)
    return digest


def _refuse_other(folder: Folder, name: str, digest: str, expected: str | None) -> None:
    if expected not in (None, digest):
        remedy = "restore its code, or choose another --out" if name in FROZEN else "choose another --out"
        raise UserError(
            f"the trials in {folder.path.parent} were measured by a different {_described(name)} ({expected[:10]}, not "
            f"{digest[:10]}); {remedy}"
        )


def _described(name: str) -> str:
    origin = ORIGINS.get(("extractor", name))
    return f"version of the extractor {name} of the plug-in {origin.file}" if origin else "extractor"


def load(
    folder: Folder, shape: tuple[int, int, int], evaluation: Evaluation, weights: Path | None, expected: str
) -> Extractor:
    """Load the extractor that `ensure` prepared, in any process on any machine. shape: of the images.

    Raises:
        UserError: its sha256 is not the expected one.
    """
    if evaluation.extractor == "inception":
        # The weights lie in the driver's cache, which other machines may lack.
        path = weights if weights and weights.exists() else find_weights(None, download=True)
        extractor = Inception.load(path, precision=evaluation.extractor_precision)
    elif evaluation.extractor in FROZEN:
        extractor = FROZEN[evaluation.extractor](shape)
    else:
        extractor = load_extractor(folder.read(FILE))
    if extractor.sha256 != expected:
        described = _described(evaluation.extractor)
        raise UserError(f"this machine has a different {described} ({extractor.sha256[:10]}, not {expected[:10]})")
    return extractor


def obtain(
    cache: Folder, data: Prepared, evaluation: Evaluation, stored: bytes | None, weights: Path | None
) -> Extractor:
    """Return an extractor to measure finished trials with; arguments as for `ensure`."""
    if evaluation.extractor == "inception":
        assert weights is not None  # `extractor_choice.resolve_inception` ensures it
        return Inception.load(weights, precision=evaluation.extractor_precision)
    if evaluation.extractor in FROZEN:
        return FROZEN[evaluation.extractor](data.shape)
    extractor = load_extractor(stored or _cached(cache, data, evaluation))
    _refuse_unfit(extractor, data, evaluation)
    return extractor


def is_cached(cache: Folder, evaluation: Evaluation) -> bool:
    """Whether the trained extractor is there, so that `obtain` need not train it."""
    return cache.is_intact(_cache_name(evaluation))


def _cache_name(evaluation: Evaluation) -> str:
    return f"{evaluation.extractor}-{evaluation.extractor_steps}-{RECIPE}.pt"


def _cached(cache: Folder, data: Prepared, evaluation: Evaluation) -> bytes:
    """The bytes of the trained extractor in the cache; trains it first if it is missing or damaged."""
    name = _cache_name(evaluation)
    make_folder(cache.path)
    with file_lock(cache.path / ".lock"):
        if not cache.is_intact(name):
            cache.write(name, train_extractor(data, evaluation.extractor, evaluation.extractor_steps))
        return cache.read(name)


def _refuse_unfit(extractor: TrainedExtractor, data: Prepared, evaluation: Evaluation) -> None:
    remedy = "omit --extractor to train another"
    if extractor.name != evaluation.extractor:
        raise UserError(
            f"the stored extractor is {with_article(extractor.name)} network, not {evaluation.extractor}; {remedy}"
        )
    shape = extractor.description["shape"]
    if tuple(shape) != data.shape:
        raise UserError(f"the extractor expects images of shape {shape}, not {list(data.shape)}; {remedy}")
