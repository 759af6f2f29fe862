"""Features of images, and comparing two sets of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from bench.metrics.frechet import Gaussian, Moments, frechet_distance
from bench.metrics.kernel_distance import kernel_distance
from bench.metrics.precision_recall import neighbour_metrics

KEPT = 10_000  # images whose features are kept, for what moments cannot tell


class Extractor(Protocol):
    """Gives features of images: `bench.evaluation.inception` or `bench.evaluation.feature_network`."""

    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def dim(self) -> int: ...
    @property
    def precision(self) -> str: ...
    @property
    def accuracy(self) -> float | None: ...
    def to(self, device: torch.device) -> "Extractor": ...
    def __call__(self, images: Tensor) -> Tensor:
        """uint8 images [n, c, h, w] -> float32 features [n, dim]."""
        ...


@dataclass(frozen=True)
class Features:
    """Of a set of images: the moments of all, and the features [k, d] themselves of the first KEPT."""

    gaussian: Gaussian
    kept: Tensor


def extract(extractor: Extractor, batches: Iterable[Tensor], device: torch.device) -> Features:
    """One pass over uint8 batches [n, c, h, w]."""
    moments, kept, count = Moments(extractor.dim, device), [], 0
    for batch in batches:
        features = extractor(batch.to(device))
        moments.add(features)
        kept.append(features[: max(0, KEPT - count)])
        count += len(features)
    return Features(moments.gaussian(), torch.cat(kept))


def compare(images: Features, real: Features, n_neighbours: int) -> dict[str, float]:
    """Metrics (keys of `columns.METRICS`, and "kernel_se") of images against real ones.

    n_neighbours: of how many of each the neighbours are looked for; 0 leaves that, which is dear, out.
    """
    found = {"distance": frechet_distance(images.gaussian, real.gaussian)}
    found["kernel"], found["kernel_se"] = kernel_distance(images.kept, real.kept)
    if n_neighbours:
        found |= neighbour_metrics(real.kept[:n_neighbours], images.kept[:n_neighbours])
    return found
