"""Wasserstein-2 distance between Gaussians: Dowson & Landau, Journal of Multivariate Analysis 12 (1982)."""

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

    def __init__(self, networks: Networks, prior: Prior, *, weight: Annotated[float, Positive] = 0.66) -> None:
        super().__init__(networks, prior)
        self.weight = weight

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        z = self.encode(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        penalty = wasserstein_to_normal(z)
        return {"loss": reconstruction + self.weight * penalty, "reconstruction": reconstruction, "penalty": penalty}

    def floor(self, n: int) -> float:
        return 0.0  # for many codes, compared with dimensions; of few it is above


ITERATIONS = 24


def wasserstein_to_normal(codes: Tensor) -> Tensor:
    """|m|^2 + tr(C + I - 2 C^(1/2)) with the mean m and covariance C (over n) of codes [n, d]."""
    n, dim = codes.shape
    mean = codes.mean(0)
    centred = (codes - mean).double()
    covariance = centred.T @ centred / n
    distance = mean.double().square().sum() + covariance.trace() + dim - 2 * trace_of_root(covariance)
    return distance.to(codes.dtype)


def trace_of_root(matrix: Tensor) -> Tensor:
    """tr(matrix^(1/2)) of a symmetric matrix [d, d] >= 0, float64, by the Newton-Schulz iteration.

    (Higham, Functions of Matrices, 2008, equation 6.35.) Unlike eigenvalues it needs no waiting for a GPU, and has
    finite gradients where the matrix is singular.
    """
    scale = matrix.trace() + 1e-30  # then all eigenvalues are at most 1, and the iteration converges
    root, inverse = matrix / scale, torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    identity = inverse
    for _ in range(ITERATIONS):
        step = 1.5 * identity - 0.5 * inverse @ root
        root, inverse = root @ step, step @ inverse
    return root.trace() * scale.sqrt()
