"""The distributions that codes should follow.

The prior is chosen independently of the penalty, so that penalties can be compared on the same prior.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import normalize


class Prior(ABC):
    """A distribution of codes with `dim` numbers.

    Args:
        dim: the number of latent dimensions.
        scaled: whether codes have unit variance in every dimension where they enter a network (see `network_input`).
    """

    name: ClassVar[str]
    dimensions_lost: ClassVar[int] = 0  # numbers in a code minus dimensions of the support

    def __init__(self, dim: int, *, scaled: bool = True) -> None:
        self.dim = dim
        self.scaled = scaled

    @abstractmethod
    def project(self, codes: Tensor) -> Tensor:
        """Map any real codes [n, dim] to the nearest codes [n, dim] on the prior's support."""

    @abstractmethod
    def sample(self, n: int, device: torch.device | str = "cpu") -> Tensor:
        """Draw `n` independent codes [n, dim], float32, from torch's global generator."""

    def network_input(self, codes: Tensor) -> Tensor:
        """Scale codes [n, dim] as a decoder or critic receives them: to unit variance in every dimension.

        Without this, the coordinates of codes on the unit sphere are sqrt(dim) times smaller than those of N(0, I), and
        networks learn from them more slowly, whatever the penalty. `scaled=False` returns the codes unchanged.
        """
        return codes * self.variance**-0.5 if self.scaled else codes

    def interpolate(self, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        """Interpolate between codes on the support; here along a straight line.

        Args:
            a: codes at t = 0, shape [n, dim].
            b: codes at t = 1, shape [n, dim].
            t: shape [n, 1], in [0, 1].
        """
        return a + t * (b - a)

    @property
    @abstractmethod
    def variance(self) -> float:
        """The variance of every coordinate of a draw."""

    @property
    def squared_distance(self) -> float:
        """E|x - y|^2 for independent draws x and y: the natural scale of a kernel on this prior."""
        return 2.0 * self.dim * self.variance


class Normal(Prior):
    """N(0, I)."""

    name = "normal"

    def project(self, codes: Tensor) -> Tensor:
        """Return the codes unchanged: every point is on the support."""
        return codes

    def sample(self, n: int, device: torch.device | str = "cpu") -> Tensor:
        """Draw standard normal codes [n, dim]."""
        return torch.randn(n, self.dim, device=device)

    @property
    def variance(self) -> float:
        """One."""
        return 1.0


class Sphere(Prior):
    """Uniform on the unit sphere of R^dim."""

    name = "sphere"
    dimensions_lost = 1

    def project(self, codes: Tensor) -> Tensor:
        """Scale the codes to unit length."""
        return normalize(codes, dim=1)

    def sample(self, n: int, device: torch.device | str = "cpu") -> Tensor:
        """Draw uniform unit vectors [n, dim]."""
        return normalize(torch.randn(n, self.dim, device=device), dim=1)

    def interpolate(self, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        """Interpolate along the great circle at constant speed (Shoemake, SIGGRAPH 1985).

        Between opposite points the path is not defined, and the result jumps.
        """
        angle = 2 * torch.atan2((a - b).norm(dim=1, keepdim=True), (a + b).norm(dim=1, keepdim=True))
        # The component of b orthogonal to a. It is zero if they are parallel; the result then stays on the line of a.
        aside = normalize(b - (a * b).sum(1, keepdim=True) * a, dim=1)
        return normalize(torch.cos(t * angle) * a + torch.sin(t * angle) * aside, dim=1)

    @property
    def variance(self) -> float:
        """1 / dim: the squares of the coordinates add up to 1."""
        return 1 / self.dim


PRIORS: dict[str, type[Prior]] = {prior.name: prior for prior in (Normal, Sphere)}
