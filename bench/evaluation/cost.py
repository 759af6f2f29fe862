"""Estimates of the seconds that evaluations take: short parts are timed on this machine, then extrapolated."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from bench.data.images import batch_size, to_uint8, to_unit
from bench.evaluation.code_measures import MOST_LABELLED
from bench.evaluation.evaluator import held_out_images
from bench.evaluation.feature_network import Classifier, folded
from bench.evaluation.features import KEPT_IMAGES
from bench.evaluation.frozen_extractor import FROZEN
from bench.evaluation.inception import FEATURES
from bench.evaluation.measures import MEASURES, MOST_STORED
from bench.experiment.settings import Evaluation
from bench.metrics import latent
from bench.metrics.frechet import frechet_distance, gaussian
from bench.metrics.frechet_limit import subset_sizes
from bench.metrics.kernel_distance import equivalent_pairs, polynomial_kernel
from bench.metrics.memorisation import nearest_others
from bench.metrics.precision_recall import neighbour_metrics
from bench.metrics.sharpness import sharpness
from methods import Method
from methods.priors import PRIORS

BUDGET = 0.025  # seconds for one timing, after its first call
TIMED_IMAGES = 500  # for the timing of pairs and neighbours, whose cost grows with the square of their number
TEST_SECONDS = 0.1  # of the latent tests in the last row; timing them would cost a second of imports
TIMED_FEATURES = 256  # for the timing of Frechet distances
PROBE_SECONDS = 1.0  # of the linear probe's fit
CLASSES = 10  # of a classifier that is only timed


@dataclass(frozen=True)
class ExtractionCost:
    """The cost of an extractor: seconds per image, and its number of features."""

    seconds: float
    dim: int


def extraction_cost(extractor: str, shape: tuple[int, int, int]) -> ExtractionCost:
    """Time an extractor on images of this shape; for one that is trained on the data set, a network like it."""
    if extractor == "inception":
        return _inception_cost()
    images = _images(min(64, batch_size(*shape[1:])), shape)
    if extractor in FROZEN:
        frozen = FROZEN[extractor](shape)
        return ExtractionCost(timed(lambda: frozen(images)) / len(images), frozen.dim)
    network = folded(Classifier(shape, CLASSES))
    return ExtractionCost(timed(lambda: network(to_unit(images))) / len(images), network(to_unit(images)).shape[1])


def _inception_cost() -> ExtractionCost:
    """Time FID's network, which resizes all images to the same shape."""
    from torchvision.models import inception_v3

    network = inception_v3(weights=None, aux_logits=False, init_weights=False).eval().requires_grad_(False)
    network = network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    images = torch.zeros(4, 3, 299, 299).contiguous(memory_format=torch.channels_last)
    return ExtractionCost(timed(lambda: network(images)) / len(images), FEATURES)


@torch.no_grad()
def evaluation_seconds(
    method: Method,
    extraction: ExtractionCost,
    evaluation: Evaluation,
    shape: tuple[int, int, int],
    counts: dict[str, int],
) -> tuple[float, float]:
    """Estimate the seconds of one row of the curve, and of the last checkpoint's own row.

    Args:
        method: in evaluation mode.
        extraction: the cost of the extractor.
        evaluation: the settings.
        shape: channels, height and width of the images.
        counts: images in each split.
    """
    n = min(64, batch_size(*shape[1:]))
    images = _images(n, shape)
    generate = timed(lambda: to_uint8(method.sample(n))) / n
    reconstruct = timed(lambda: method.decode(method.encode(to_unit(images)))) / n
    held_out = min(counts[evaluation.split], held_out_images(evaluation.held_out, *shape[1:]))
    held_out_kept = min(counts[evaluation.split], KEPT_IMAGES)
    reference_kept = min(counts["train"], KEPT_IMAGES) if extraction.dim == FEATURES else held_out_kept
    row = (
        evaluation.samples * (generate + extraction.seconds)
        + _kernel_seconds(extraction.dim, min(evaluation.samples, KEPT_IMAGES), held_out_kept)
        + held_out * reconstruct
        + _latent_seconds(method.prior.name, method.prior.dim, held_out)
    )
    if not evaluation.final_samples:
        return row, 0.0
    last = (
        evaluation.final_samples * (generate + extraction.seconds)
        + min(counts[evaluation.split], evaluation.reconstructions) * (reconstruct + extraction.seconds)
        + _kernel_seconds(extraction.dim, min(evaluation.final_samples, KEPT_IMAGES), reference_kept)
        + _neighbour_seconds(extraction.dim, min(evaluation.final_samples, held_out_kept, reference_kept))
        + TEST_SECONDS
    )
    generated = min(evaluation.final_samples, MOST_STORED)
    labelled = sum(min(counts[split], MOST_LABELLED) for split in ("train", evaluation.split))
    optional = {
        "infinity": lambda: _infinity_seconds(extraction.dim, generated),
        "memorisation": lambda: _memorisation_seconds(extraction.dim, generated, held_out_kept, counts["train"]),
        "sharpness": lambda: timed(lambda: sharpness(images)) * MEASURES["sharpness"].pixels / n,
        "probe": lambda: PROBE_SECONDS + labelled * reconstruct,
    }
    return row, last + sum(optional[name]() for name in evaluation.metrics if name in optional)


def timed(call: Callable[[], Any]) -> float:
    """Return the seconds of one call: the mean over the calls that fit into BUDGET, after an untimed first call."""
    call()
    started, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - started < BUDGET:
        call()
        calls += 1
    return (time.perf_counter() - started) / calls


@cache
def _latent_seconds(prior: str, dim: int, images: int) -> float:
    target = PRIORS[prior](dim)
    codes = target.sample(images)
    return timed(lambda: latent.diagnose(codes, target, 0))


@cache
def _kernel_seconds(dim: int, generated: int, real: int) -> float:
    x = torch.randn(TIMED_IMAGES, dim)
    seconds = timed(lambda: polynomial_kernel(x, x).sum(dtype=torch.float64))
    return seconds / TIMED_IMAGES**2 * equivalent_pairs(generated, real)


@cache
def _neighbour_seconds(dim: int, images: int) -> float:
    x = torch.randn(min(TIMED_IMAGES, images), dim)
    return timed(lambda: neighbour_metrics(x, x)) * (images / len(x)) ** 2


@cache
def _infinity_seconds(dim: int, images: int) -> float:
    """Each of several subsets needs moments and a distance, whose cost grows with the cube of the features."""
    few = min(dim, TIMED_FEATURES)
    x = torch.randn(TIMED_IMAGES, few)
    moments = timed(lambda: gaussian(x)) * (dim / few) ** 2 / TIMED_IMAGES
    fitted = gaussian(x)
    distance = timed(lambda: frechet_distance(fitted, fitted)) * (dim / few) ** 3
    sizes = subset_sizes(images, dim)
    return sum(sizes) * moments + len(sizes) * distance


@cache
def _memorisation_seconds(dim: int, generated: int, held_out: int, training: int) -> float:
    """Nearest training images of generated and of held-out images, and of the former's nearest training images."""
    x = torch.randn(TIMED_IMAGES, dim)
    pair = timed(lambda: nearest_others(x, x)) / TIMED_IMAGES**2
    return pair * (2 * min(generated, KEPT_IMAGES) + held_out) * min(training, MOST_STORED)


def _images(n: int, shape: tuple[int, int, int]) -> Tensor:
    return torch.randint(0, 256, (n, *shape), dtype=torch.uint8)
