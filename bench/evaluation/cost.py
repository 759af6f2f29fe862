"""Seconds that evaluations take: parts of them timed here and now, multiplied out."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from bench.data.images import batch_size, to_uint8, to_unit
from bench.evaluation.evaluator import held_out_images
from bench.evaluation.feature_network import Classifier, folded
from bench.evaluation.features import KEPT
from bench.evaluation.inception import FEATURES
from bench.evaluation.scorer import RECONSTRUCTED
from bench.experiment.settings import Evaluation
from bench.metrics import latent
from bench.metrics.kernel_distance import equivalent_pairs, polynomial_kernel
from bench.metrics.precision_recall import neighbour_metrics
from methods import Method
from methods.priors import PRIORS

BUDGET = 0.025  # seconds that one timing may take, beyond its first call
FEW = 500  # images between which pairs and neighbours are timed: their cost grows with the square
TEST_SECONDS = 0.1  # of the latent tests of the last row; trying them would take a dry run a second, for imports
CLASSES = 10  # of a classifier that is only timed


@dataclass(frozen=True)
class Look:
    """What an extractor takes: seconds for an image, and how many features it gives."""

    seconds: float
    dim: int

    @classmethod
    def of(cls, extractor: Callable[[Tensor], Tensor], shape: tuple[int, int, int], images: int) -> "Look":
        """Tried on so many images."""
        batch = _images(images, shape)
        return cls(timed(lambda: extractor(batch)) / images, extractor(batch).shape[1])


def trained_look(shape: tuple[int, int, int]) -> Look:
    """Of a network like those that are trained here."""
    network = folded(Classifier(shape, CLASSES))
    return Look.of(lambda images: network(to_unit(images)), shape, min(64, batch_size(*shape[1:])))


def inception_look() -> Look:
    """Of FID's network, which makes all images equally large."""
    from torchvision.models import inception_v3

    network = inception_v3(weights=None, aux_logits=False, init_weights=False).eval().requires_grad_(False)
    network = network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    images = torch.zeros(4, 3, 299, 299).contiguous(memory_format=torch.channels_last)
    return Look(timed(lambda: network(images)) / len(images), FEATURES)


@torch.no_grad()
def evaluation_seconds(
    method: Method, look: Look, evaluation: Evaluation, shape: tuple[int, int, int], counts: dict[str, int]
) -> tuple[float, float]:
    """Of a row of the curve, and of the last checkpoint's own row."""
    n = min(64, batch_size(*shape[1:]))
    images = _images(n, shape)
    generate = timed(lambda: to_uint8(method.sample(n))) / n
    reconstruct = timed(lambda: method.decode(method.encode(to_unit(images)))) / n
    held_out = min(counts[evaluation.split], held_out_images(*shape[1:]))
    near = min(counts[evaluation.split], KEPT)
    far = min(counts["train"], KEPT) if look.dim == FEATURES else near
    row = (
        evaluation.samples * (generate + look.seconds)
        + _kernel_seconds(look.dim, min(evaluation.samples, KEPT), near)
        + held_out * reconstruct
        + _latent_seconds(method.prior.name, method.prior.dim, held_out)
    )
    if not evaluation.final_samples:
        return row, 0.0
    last = (
        evaluation.final_samples * (generate + look.seconds)
        + min(near, RECONSTRUCTED) * (reconstruct + look.seconds)
        + _kernel_seconds(look.dim, min(evaluation.final_samples, KEPT), far)
        + _neighbour_seconds(look.dim, min(evaluation.final_samples, near, far))
        + TEST_SECONDS
    )
    return row, last


def timed(call: Callable[[], Any]) -> float:
    """Seconds of one call: the mean of as many as fit into BUDGET, after one that does not count."""
    call()
    started, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - started < BUDGET:
        call()
        calls += 1
    return (time.perf_counter() - started) / calls


@cache
def _latent_seconds(prior: str, dim: int, images: int) -> float:
    made = PRIORS[prior](dim)
    codes = made.sample(images)
    return timed(lambda: latent.diagnose(codes, made, 0))


@cache
def _kernel_seconds(dim: int, generated: int, real: int) -> float:
    x = torch.randn(FEW, dim)
    return timed(lambda: polynomial_kernel(x, x).sum(dtype=torch.float64)) / FEW**2 * equivalent_pairs(generated, real)


@cache
def _neighbour_seconds(dim: int, images: int) -> float:
    x = torch.randn(min(FEW, images), dim)
    return timed(lambda: neighbour_metrics(x, x)) * (images / len(x)) ** 2


def _images(n: int, shape: tuple[int, int, int]) -> Tensor:
    return torch.randint(0, 256, (n, *shape), dtype=torch.uint8)
