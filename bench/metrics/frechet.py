"""The Frechet distance between Gaussians fitted to two sets of features (Heusel et al., arXiv 1706.08500, eq. 6)."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Gaussian:
    """What the distance compares: float64 mean [d] and covariance [d, d] (n - 1 in the denominator) of n features."""

    n: int
    mean: Tensor
    covariance: Tensor

    def to(self, device: torch.device | str) -> "Gaussian":
        return Gaussian(self.n, self.mean.to(device), self.covariance.to(device))


class Moments:
    """Sums of features and of their products, in float64 on their device, in one pass without keeping the features."""

    def __init__(self, dim: int, device: torch.device | str = "cpu") -> None:
        self.n = 0
        self.total = torch.zeros(dim, dtype=torch.float64, device=device)
        self.outer = torch.zeros(dim, dim, dtype=torch.float64, device=device)

    def add(self, features: Tensor) -> None:
        """Add a batch of features [n, d]."""
        features = features.double()
        self.n += len(features)
        self.total += features.sum(0)
        self.outer.addmm_(features.T, features)

    def gaussian(self) -> Gaussian:
        """Mean and covariance, as numpy.mean and numpy.cov; n >= 2."""
        mean = self.total / self.n
        return Gaussian(self.n, mean, (self.outer - torch.outer(self.total, mean)) / (self.n - 1))


def gaussian(features: Tensor) -> Gaussian:
    """Of all features [n, d] at once."""
    moments = Moments(features.shape[1], features.device)
    moments.add(features)
    return moments.gaussian()


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """|m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)), the square of a distance; NaN where a moment is not finite.

    tr (S_a S_b)^(1/2) is the sum of the square roots of the eigenvalues of F' S_b F, where S_a = F F', which is
    symmetric: no complex values arise, and rank-deficient covariances (few samples, a collapsed generator) are exact.
    """
    if not all(t.isfinite().all() for t in (a.mean, a.covariance, b.mean, b.covariance)):
        return float("nan")
    root = factor(a.covariance)
    cross = torch.linalg.eigvalsh(root.T @ b.covariance @ root).clamp_min(0).sqrt().sum()
    gap = (a.mean - b.mean).square().sum()
    return float((gap + a.covariance.trace() + b.covariance.trace() - 2 * cross).clamp_min(0))


def factor(covariance: Tensor) -> Tensor:
    """F [d, rank] with F F' = covariance: Cholesky's, or, where the rank is not full, from the eigenvectors."""
    lower, failed = torch.linalg.cholesky_ex(covariance)
    # What rounding leaves of a variance that is zero.
    noise = len(covariance) * torch.finfo(covariance.dtype).eps * covariance.diagonal().max()
    if not failed and lower.diagonal().square().min() > noise:
        return lower
    values, vectors = torch.linalg.eigh(covariance)
    kept = values > noise
    return vectors[:, kept] * values[kept].sqrt()
