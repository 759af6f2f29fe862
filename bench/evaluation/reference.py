"""What generated images are compared with: moments of the real images, and the floor. Computed once, then stored."""

import io
from dataclasses import dataclass

import numpy as np
import torch

from bench.config import Evaluation
from bench.data import Prepared
from bench.errors import UserError
from bench.evaluation.extractor import FEATURES, FILE, Extractor, load_extractor, train_extractor
from bench.evaluation.frechet import Moments, frechet_distance
from bench.files import Folder
from bench.images import batch_size, grid_columns, grid_png

REFERENCE = "reference.npz"
REAL = "real.png"


@dataclass(frozen=True)
class Reference:
    """Real images in the eyes of an extractor.

    moments: of the reference split. floor: the Frechet distance between that split and as many real training images
    as a trial generates, so that a perfect generator would score about the floor. confidence: the classifier's mean
    highest probability on the split.
    """

    split: str
    moments: Moments
    floor: float
    confidence: float


def ensure(
    folder: Folder, data: Prepared, evaluation: Evaluation, stored: bytes | None = None, noted: str | None = None
) -> Extractor:
    """Put extractor and reference into `folder`, unless they are there.

    Args:
        stored: an extractor's file to use instead of training one.
        noted: the sha256 of the extractor by which the experiment's trials so far were measured.
    Raises:
        UserError: the extractor is not that one, or is of other images.
    """
    split, samples = evaluation.split, evaluation.samples
    if stored is None:
        there = _whole(folder, FILE)
        stored = folder.read(FILE) if there else train_extractor(data, evaluation.extractor, evaluation.extractor_steps)
    extractor = load_extractor(stored)
    if extractor.name != evaluation.extractor:
        kinds = f"a {extractor.name} network, not a {evaluation.extractor} one"
        raise UserError(f"the stored extractor is {kinds}; leave out --extractor to train another")
    if tuple(extractor.about["shape"]) != data.shape:
        shapes = f"{extractor.about['shape']}, not {list(data.shape)}"
        raise UserError(f"the extractor is for images of shape {shapes}; leave out --extractor to train another")
    if noted not in (None, extractor.sha256):
        raise UserError(
            f"the trials in {folder.path.parent} were measured by another extractor ({noted[:10]}, not "
            f"{extractor.sha256[:10]}); choose another --out"
        )
    if not folder.whole(FILE) or folder.read(FILE) != stored:
        folder.write(FILE, stored)
    if not _whole(folder, REFERENCE) or _stamp(folder) != _expected(extractor, data, split, samples):
        reference = measure(extractor, data, split, samples)
        buffer = io.BytesIO()
        np.savez(
            buffer,
            stamp=_expected(extractor, data, split, samples),
            n=reference.moments.n,
            total=reference.moments.total.numpy(),
            outer=reference.moments.outer.numpy(),
            mu=reference.moments.mean.numpy(),
            sigma=reference.moments.covariance.numpy(),
            floor=reference.floor,
            confidence=reference.confidence,
        )
        shown = grid_columns(data.shape[2]) ** 2
        folder.write(REAL, grid_png(torch.from_numpy(data.images(split)[:shown])))
        folder.write(REFERENCE, buffer.getvalue())
    return extractor


def load(folder: Folder) -> tuple[Extractor, Reference]:
    """What `ensure` put into the folder."""
    stored = np.load(io.BytesIO(folder.read(REFERENCE)))
    total, outer = torch.from_numpy(stored["total"]), torch.from_numpy(stored["outer"])
    split = str(stored["stamp"]).split()[2]
    reference = Reference(
        split, Moments(int(stored["n"]), total, outer), float(stored["floor"]), float(stored["confidence"])
    )
    return load_extractor(folder.read(FILE)), reference


def measure(extractor: Extractor, data: Prepared, split: str, samples: int) -> Reference:
    """Moments of all real images of `split`, and the floor against the first `samples` training images."""
    moments, confidence = _pass(extractor, torch.from_numpy(data.images(split)))
    train, _ = _pass(extractor, torch.from_numpy(data.images("train"))[:samples])
    return Reference(split, moments, frechet_distance(train, moments), confidence)


def _pass(extractor: Extractor, images: torch.Tensor) -> tuple[Moments, float]:
    moments, confidence = Moments.empty(FEATURES), 0.0
    for batch in images.split(batch_size(*images.shape[2:])):
        features, probabilities = extractor(batch)
        moments.add(features)
        confidence += probabilities.amax(1).sum().item()
    return moments, confidence / len(images)


def _expected(extractor: Extractor, data: Prepared, split: str, samples: int) -> str:
    return f"{extractor.sha256} {data.fingerprint} {split} {samples}"


def _stamp(folder: Folder) -> str:
    return str(np.load(io.BytesIO(folder.read(REFERENCE)))["stamp"])


def _whole(folder: Folder, name: str) -> bool:
    if folder.exists(name) and not folder.whole(name):
        print(f"warning: {folder.path / name} is damaged; making it again", flush=True)
    return folder.whole(name)
