"""The Frechet distance between Gaussians fitted to two sets of features (Heusel et al., arXiv 1706.08500, eq. 6)."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Moments:
    """Mean and covariance of features, accumulated in float64 in one pass without keeping the features."""

    n: int
    total: Tensor
    outer: Tensor

    @classmethod
    def empty(cls, dim: int, device: torch.device | str = "cpu") -> "Moments":
        zeros = torch.zeros(dim, dim, dtype=torch.float64, device=device)
        return cls(0, zeros[0].clone(), zeros)

    @classmethod
    def of(cls, features: Tensor) -> "Moments":
        moments = cls.empty(features.shape[1], features.device)
        moments.add(features)
        return moments

    def add(self, features: Tensor) -> None:
        """Add a batch of features [n, d]."""
        features = features.double()
        self.n += len(features)
        self.total += features.sum(0)
        self.outer += features.T @ features

    @property
    def mean(self) -> Tensor:
        """float64 [d]."""
        return self.total / self.n

    @property
    def covariance(self) -> Tensor:
        """float64 [d, d], with n - 1 in the denominator, as numpy.cov; n >= 2."""
        return (self.outer - torch.outer(self.total, self.mean)) / (self.n - 1)


def frechet_distance(a: Moments, b: Moments) -> float:
    """|m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)), the square of a distance; NaN where a moment is not finite.

    tr (S_a S_b)^(1/2) is the sum of the square roots of the eigenvalues of S_a^(1/2) S_b S_a^(1/2), which is
    symmetric: no complex values arise, and rank-deficient covariances (few samples, a collapsed generator) are exact.
    """
    if not all(t.isfinite().all() for t in (a.total, a.outer, b.total, b.outer)):
        return float("nan")
    values, vectors = torch.linalg.eigh(a.covariance)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ b.covariance @ root).clamp_min(0).sqrt().sum()
    gap = (a.mean - b.mean).square().sum()
    return float((gap + a.covariance.trace() + b.covariance.trace() - 2 * cross).clamp_min(0))
