"""Features of image sets, and the metrics that compare two sets."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from bench.metrics.frechet import Gaussian, Moments, frechet_distance
from bench.metrics.kernel_distance import kernel_distance
from bench.metrics.precision_recall import neighbour_metrics

KEPT_IMAGES = 10_000  # images whose features are kept, for the metrics that need more than moments


class Extractor(Protocol):
    """Maps images to features: `bench.evaluation.inception` or `bench.evaluation.feature_network`."""

    @property
    def name(self) -> str:
        """One of `columns.EXTRACTORS`."""
        ...

    @property
    def sha256(self) -> str:
        """Digest of the file that the network was loaded from."""
        ...

    @property
    def dim(self) -> int:
        """Number of features."""
        ...

    @property
    def precision(self) -> str:
        """Precision of the network: fp32 or bf16."""
        ...

    @property
    def accuracy(self) -> float | None:
        """Accuracy on the test images; None if the network was not trained on this data set."""
        ...

    def to(self, device: torch.device) -> "Extractor":
        """Copy the extractor to a device."""
        ...

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 images [n, c, h, w] -> float32 features [n, dim]."""
        ...


@dataclass(frozen=True)
class Features:
    """Features of a set of images.

    Attributes:
        gaussian: mean and covariance of the features of all images.
        values: the features [k, d] of the first KEPT_IMAGES images.
    """

    gaussian: Gaussian
    values: Tensor


def extract(extractor: Extractor, batches: Iterable[Tensor], device: torch.device) -> Features:
    """Extract the features of uint8 batches [n, c, h, w] in one pass."""
    moments, parts, count = Moments(extractor.dim, device), [], 0
    for batch in batches:
        features = extractor(batch.to(device))
        moments.add(features)
        parts.append(features[: max(0, KEPT_IMAGES - count)])
        count += len(features)
    return Features(moments.gaussian(), torch.cat(parts))


def compare_features(images: Features, real: Features, n_neighbours: int) -> dict[str, float]:
    """Return the metrics of images against real ones, by key of `columns.METRICS`, and "kernel_se".

    Args:
        images: features of generated images, or of real images of another split.
        real: features of the reference images.
        n_neighbours: images per set for precision, recall, density and coverage; 0 skips these expensive metrics.
    """
    values = {"distance": frechet_distance(images.gaussian, real.gaussian)}
    values["kernel"], values["kernel_se"] = kernel_distance(images.values, real.values)
    if n_neighbours:
        values |= neighbour_metrics(real.values[:n_neighbours], images.values[:n_neighbours])
    return values
