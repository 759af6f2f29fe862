"""The distributions that codes are meant to follow.

A prior is chosen apart from the penalty, because the fair question is which penalty matches *this* prior best.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import normalize


class Prior(ABC):
    """A distribution over codes of `dim` numbers."""

    name: ClassVar[str]

    def __init__(self, dim: int) -> None:
        self.dim = dim

    @abstractmethod
    def project(self, codes: Tensor) -> Tensor:
        """Codes [n, dim], any real numbers -> the nearest codes [n, dim] on the prior's support."""

    @abstractmethod
    def sample(self, n: int, device: torch.device | str = "cpu") -> Tensor:
        """Draw `n` independent codes [n, dim], float32, from torch's global generator."""

    def interpolate(self, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        """Points between codes a and b [n, dim] at t [n, 1] in [0, 1], on the support: on a straight line."""
        return a + t * (b - a)

    @property
    @abstractmethod
    def squared_distance(self) -> float:
        """E|x - y|^2 for independent x, y: the scale that a kernel on this prior must have."""


class Normal(Prior):
    """N(0, I)."""

    name = "normal"

    def project(self, codes: Tensor) -> Tensor:
        return codes

    def sample(self, n: int, device: torch.device | str = "cpu") -> Tensor:
        return torch.randn(n, self.dim, device=device)

    @property
    def squared_distance(self) -> float:
        return 2.0 * self.dim


class Sphere(Prior):
    """Uniform on the unit sphere of R^dim."""

    name = "sphere"

    def project(self, codes: Tensor) -> Tensor:
        return normalize(codes, dim=1)

    def sample(self, n: int, device: torch.device | str = "cpu") -> Tensor:
        return normalize(torch.randn(n, self.dim, device=device), dim=1)

    def interpolate(self, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        """Along the great circle, at constant speed (Shoemake, SIGGRAPH 1985); between opposite points it jumps."""
        angle = 2 * torch.atan2((a - b).norm(dim=1, keepdim=True), (a + b).norm(dim=1, keepdim=True))
        # The part of b at right angles to a; of parallel vectors there is none, and the point stays where a is.
        aside = normalize(b - (a * b).sum(1, keepdim=True) * a, dim=1)
        return normalize(torch.cos(t * angle) * a + torch.sin(t * angle) * aside, dim=1)

    @property
    def squared_distance(self) -> float:
        return 2.0


PRIORS: dict[str, type[Prior]] = {prior.name: prior for prior in (Normal, Sphere)}
