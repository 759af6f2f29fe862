"""The Frechet distance between Gaussians fitted to two sets of features (Heusel et al., arXiv 1706.08500, eq. 6)."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Gaussian:
    """Float64 mean [d] and covariance [d, d] (denominator n - 1) of n feature vectors."""

    n: int
    mean: Tensor
    covariance: Tensor

    def to(self, device: torch.device | str) -> "Gaussian":
        """Copy the moments to a device."""
        return Gaussian(self.n, self.mean.to(device), self.covariance.to(device))


class Moments:
    """Accumulates the moments of features in one pass: float64 sums on the device; the features are not stored."""

    def __init__(self, dim: int, device: torch.device | str = "cpu") -> None:
        self.n = 0
        self.total = torch.zeros(dim, dtype=torch.float64, device=device)
        self.outer = torch.zeros(dim, dim, dtype=torch.float64, device=device)

    def add(self, features: Tensor) -> None:
        """Add a batch of features, shape [n, d]."""
        features = features.double()
        self.n += len(features)
        self.total += features.sum(0)
        self.outer.addmm_(features.T, features)

    def gaussian(self) -> Gaussian:
        """Return mean and covariance, as numpy.mean and numpy.cov compute them; needs n >= 2."""
        mean = self.total / self.n
        return Gaussian(self.n, mean, (self.outer - torch.outer(self.total, mean)) / (self.n - 1))


def gaussian(features: Tensor) -> Gaussian:
    """Return the moments of features, shape [n, d]."""
    moments = Moments(features.shape[1], features.device)
    moments.add(features)
    return moments.gaussian()


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """Return |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)), a squared distance; NaN if a moment is not finite.

    With S_a = F F', the term tr (S_a S_b)^(1/2) is the sum of the square roots of the eigenvalues of F' S_b F. That
    matrix is symmetric, so no complex values arise, and rank-deficient covariances (few samples, a collapsed
    generator) are exact.
    """
    if not all(t.isfinite().all() for t in (a.mean, a.covariance, b.mean, b.covariance)):
        return float("nan")
    root = factor(a.covariance)
    cross = torch.linalg.eigvalsh(root.T @ b.covariance @ root).clamp_min(0).sqrt().sum()
    gap = (a.mean - b.mean).square().sum()
    return float((gap + a.covariance.trace() + b.covariance.trace() - 2 * cross).clamp_min(0))


def factor(covariance: Tensor) -> Tensor:
    """Return F, shape [d, rank], with F F' = covariance: by Cholesky, or by eigenvectors if the rank is not full."""
    lower, failed = torch.linalg.cholesky_ex(covariance)
    # The size to which rounding can raise a variance of zero.
    noise = len(covariance) * torch.finfo(covariance.dtype).eps * covariance.diagonal().max()
    if not failed and lower.diagonal().square().min() > noise:
        return lower
    values, vectors = torch.linalg.eigh(covariance)
    nonzero = values > noise
    return vectors[:, nonzero] * values[nonzero].sqrt()
