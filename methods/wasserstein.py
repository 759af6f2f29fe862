"""Wasserstein-2 distance of Gaussians: Dowson & Landau, Journal of Multivariate Analysis 12 (1982), equation 4."""

from typing import Annotated

import torch
from torch import Tensor

from methods.base import Method
from methods.hyperparameters import LogUniform, Positive
from methods.networks import Networks
from methods.priors import Prior


class Wasserstein(Method):
    """The mean and covariance of the codes are pulled to 0 and I by the Wasserstein-2 distance between Gaussians.

    The penalty depends on two moments only, so it can be zero for codes that are far from Gaussian. With small batches
    the expected penalty is lowest for codes narrower than the prior: by a factor of 0.65 for 128 dimensions and batches
    of 64 (`python benchmarks/penalty_minimum.py`).

    Args:
        weight: lambda, in units of the training images' total variance (`Networks.weight_unit`).
    """

    priors = ("normal",)
    paper = "Dowson & Landau, J. Multivariate Analysis 12 (1982), equation 4: the formula of FID, on codes"
    search_space = {"weight": LogUniform(0.0003, 3)}

    def __init__(self, networks: Networks, prior: Prior, *, weight: Annotated[float, Positive] = 0.02) -> None:
        super().__init__(networks, prior)
        self.weight = weight * networks.weight_unit

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Add the squared distance between N(mean, covariance) of the codes and N(0, I) to the reconstruction error."""
        z = self.encode(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        penalty = wasserstein_to_normal(z)
        return {"loss": reconstruction + self.weight * penalty, "reconstruction": reconstruction, "penalty": penalty}

    def floor(self, n: int) -> float:
        """Return 0, the limit for many more codes than dimensions. With few codes the value is higher."""
        return 0.0


ITERATIONS = 24  # of Newton-Schulz


def wasserstein_to_normal(codes: Tensor) -> Tensor:
    """Return |m|^2 + tr(C + I - 2 C^(1/2)) with the mean m and covariance C (denominator n) of codes [n, d]."""
    n, dim = codes.shape
    mean = codes.mean(0)
    centred = (codes - mean).double()
    covariance = centred.T @ centred / n
    distance = mean.double().square().sum() + covariance.trace() + dim - 2 * trace_of_root(covariance)
    return distance.to(codes.dtype)


def trace_of_root(matrix: Tensor) -> Tensor:
    """Return tr(matrix^(1/2)) of a positive semidefinite matrix [d, d], float64, by the Newton-Schulz iteration.

    Higham, Functions of Matrices, 2008, equation 6.35. Unlike an eigenvalue decomposition, it does not wait for a GPU,
    and its gradients are finite if the matrix is singular.
    """
    scale = matrix.trace() + 1e-30  # scales all eigenvalues to at most 1, so that the iteration converges
    root, inverse = matrix / scale, torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    identity = inverse
    for _ in range(ITERATIONS):
        step = 1.5 * identity - 0.5 * inverse @ root
        root, inverse = root @ step, step @ inverse
    return root.trace() * scale.sqrt()
