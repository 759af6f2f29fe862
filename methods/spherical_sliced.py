"""Spherical sliced-Wasserstein: Bonet, Berg, Courty, Septier, Drumetz, Pham, arXiv 2206.08780, equation 11."""

import math
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import normalize

from methods.base import Method
from methods.functional import random_directions
from methods.hyperparameters import AtLeastOne, LogUniform, Positive
from methods.networks import Networks
from methods.priors import Prior


class SphericalSliced(Method):
    """Codes are projected to random great circles; their distance to the uniform distribution has a closed form there.

    Args:
        weight: lambda, in units of the training images' total variance (`Networks.weight_unit`).
        slices: L, the number of random great circles in each step.
    """

    priors = ("sphere",)
    paper = "Bonet et al., arXiv 2206.08780, equation 11 (the distance) and proposition 1 (its closed form)"
    published_names = ("SSWAE", "SSW")
    search_space = {"weight": LogUniform(0.1, 1000)}

    def __init__(
        self,
        networks: Networks,
        prior: Prior,
        *,
        weight: Annotated[float, Positive] = 12.0,
        slices: Annotated[int, AtLeastOne] = 256,
    ) -> None:
        super().__init__(networks, prior)
        self.weight, self.slices = weight * networks.weight_unit, slices

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Add the distance to the uniform distribution to the reconstruction error."""
        z = self.encode(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        penalty = spherical_sliced_distance(z, self.slices)
        return {"loss": reconstruction + self.weight * penalty, "reconstruction": reconstruction, "penalty": penalty}

    def floor(self, n: int) -> float:
        """Return the exact expectation, from the means of the order statistics of uniform numbers."""
        return 1 / (12 * n)


def spherical_sliced_distance(codes: Tensor, slices: int) -> Tensor:
    """Return the mean squared Wasserstein-2 distance to the uniform distribution, over random great circles.

    Each circle has length 1. For sorted projections x_1 .. x_n in [0, 1) the squared distance is (arXiv 2206.08780,
    proposition 1) mean x^2 - (mean x)^2 + sum (n + 1 - 2 i) x_i / n^2 + 1/12.

    Args:
        codes: unit vectors, shape [n, d].
        slices: the number of great circles, drawn from torch's global generator.
    """
    n, dim = codes.shape
    first = random_directions(dim, slices, codes.device)
    second = torch.randn(dim, slices, device=codes.device)
    second = normalize(second - (first * second).sum(0) * first, dim=0)  # Gram-Schmidt: a uniform orthonormal pair
    turns = torch.atan2(codes @ second, codes @ first) / (2 * math.pi) + 0.5
    x = turns.sort(0).values
    ranks = torch.arange(n - 1, -n, -2, device=x.device, dtype=x.dtype)  # n + 1 - 2 i for i from 1 to n
    return (x.square().mean(0) - x.mean(0).square() + ranks @ x / n**2 + 1 / 12).mean()
