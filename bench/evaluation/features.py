"""Features of image sets."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from bench.metrics.frechet import Gaussian, Moments

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
        stored: the features [k, d] of the first images: at least KEPT_IMAGES of them, if there are as many.
    """

    gaussian: Gaussian
    stored: Tensor

    @property
    def values(self) -> Tensor:
        """The features of the first KEPT_IMAGES images."""
        return self.stored[:KEPT_IMAGES]


def extract(
    extractor: Extractor, batches: Iterable[Tensor], device: torch.device, stored: int | None = None
) -> Features:
    """Extract the features of uint8 batches [n, c, h, w] in one pass.

    Args:
        extractor: the network.
        batches: the images.
        device: the extractor's device.
        stored: the number of images whose features are stored. Default: KEPT_IMAGES.
    """
    limit = KEPT_IMAGES if stored is None else stored
    moments, parts, count = Moments(extractor.dim, device), [], 0
    for batch in batches:
        features = extractor(batch.to(device))
        moments.add(features)
        parts.append(features[: max(0, limit - count)])
        count += len(features)
    return Features(moments.gaussian(), torch.cat(parts))
