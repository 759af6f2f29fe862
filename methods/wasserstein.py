"""Wasserstein-2 distance between Gaussians: Dowson & Landau, Journal of Multivariate Analysis 12 (1982)."""

import math
from typing import Annotated

import torch
from torch import Tensor

from methods.base import Method
from methods.hyperparameters import LogUniform, Positive
from methods.networks import Networks
from methods.priors import Prior


class Wasserstein(Method):
    """The codes' mean and covariance are pulled to 0 and I by the squared distance of the Gaussians that have them.

    It sees two moments only: codes that are far from Gaussian can have none of it.

    Args:
        weight: lambda, in units of the reconstruction error.
    """

    priors = ("normal",)
    paper = "Dowson & Landau, J. Multivariate Analysis 12 (1982), equation 4: the formula of FID, on codes"
    search_space = {"weight": LogUniform(0.1, 1000)}

    def __init__(self, networks: Networks, prior: Prior, *, weight: Annotated[float, Positive] = 10.0) -> None:
        super().__init__(networks, prior)
        self.weight = weight

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        z = self.encode(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        penalty = wasserstein_to_normal(z)
        return {"loss": reconstruction + self.weight * penalty, "reconstruction": reconstruction, "penalty": penalty}

    def floor(self, n: int) -> float:
        return 0.0  # for many codes; of finitely many it is a little above


def wasserstein_to_normal(codes: Tensor) -> Tensor:
    """|m|^2 + tr(C + I - 2 C^(1/2)) with the mean m and covariance C (over n) of codes [n, d].

    The eigenvalues of C^(1/2) are the singular values of the centred codes over sqrt(n), which have finite gradients
    also where codes are fewer than dimensions.
    """
    n, dim = codes.shape
    mean = codes.mean(0)
    centred = (codes - mean) / math.sqrt(n)
    return mean.square().sum() + centred.square().sum() + dim - 2 * torch.linalg.svdvals(centred).sum()
