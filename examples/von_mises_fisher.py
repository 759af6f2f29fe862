"""A plug-in with a prior: a mixture of von Mises-Fisher distributions on the unit sphere."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from methods.priors import Prior, Sphere

COMPONENTS = 4
CONCENTRATION = 20.0


class VonMisesFisher(Prior):
    """A mixture of 4 von Mises-Fisher distributions of concentration 20 on the unit sphere, around fixed directions."""

    dimensions_lost = 1

    def __init__(self, dim: int, *, scaled: bool = True) -> None:
        super().__init__(dim, scaled=scaled)
        self.centres = normalize(torch.randn(COMPONENTS, dim, generator=torch.Generator().manual_seed(0)), dim=1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self._variance = self.sample(100_000).var(0).mean().item()  # which has no simple form

    def project(self, codes: Tensor) -> Tensor:
        """Scale the codes to unit length."""
        return normalize(codes, dim=1)

    def sample(self, n: int, device: torch.device | str = "cpu") -> Tensor:
        """Draw codes [n, dim]: a centre each, and a direction around it."""
        centres = self.centres.to(device)[torch.randint(COMPONENTS, (n,), device=device)]
        along = self._cosines(n, device)[:, None]
        aside = torch.randn(n, self.dim, device=device)
        aside = normalize(aside - (aside * centres).sum(1, keepdim=True) * centres, dim=1)
        return along * centres + (1 - along.square()).clamp(min=0).sqrt() * aside

    def _cosines(self, n: int, device: torch.device | str) -> Tensor:
        """Draw cosines [n] of the angle to the centre, whose density is (1 - t^2)^((d - 3) / 2) exp(kappa t)."""
        t = torch.linspace(-1, 1, 4097, device=device, dtype=torch.float64)[1:-1]
        weights = (0.5 * (self.dim - 3) * (1 - t.square()).log() + CONCENTRATION * (t - 1)).exp()
        below = weights.cumsum(0) / weights.sum()
        uniform = torch.rand(n, device=device, dtype=torch.float64)
        return t[torch.searchsorted(below, uniform).clamp(max=len(t) - 1)].float()

    def interpolate(self, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        """Interpolate along the great circle."""
        return Sphere(self.dim).interpolate(a, b, t)

    @property
    def variance(self) -> float:
        """The mean over the coordinates."""
        return self._variance


PRIORS = {"vmf": VonMisesFisher}
