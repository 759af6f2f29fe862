"""KoLeo: Sablayrolles, Douze, Schmid, Jegou, Spreading Vectors for Similarity Search, arXiv 1806.03198, equation 2."""

import math
from typing import Annotated

import torch
from torch import Tensor

from methods.base import Method
from methods.hyperparameters import LogUniform, Positive
from methods.networks import Networks
from methods.priors import Prior


class KoLeo(Method):
    """Every code moves away from its nearest neighbour in the batch (the Kozachenko-Leonenko entropy estimate).

    Args:
        weight: lambda, in units of the training images' total variance (`Networks.weight_unit`).
    """

    priors = ("sphere",)
    paper = "Sablayrolles et al., arXiv 1806.03198, equation 2"
    search_space = {"weight": LogUniform(0.001, 10)}

    def __init__(self, networks: Networks, prior: Prior, *, weight: Annotated[float, Positive] = 0.12) -> None:
        super().__init__(networks, prior)
        self.weight = weight * networks.weight_unit

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Add the KoLeo penalty of the codes to the reconstruction error."""
        z = self.encode(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        penalty = koleo(z)
        return {"loss": reconstruction + self.weight * penalty, "reconstruction": reconstruction, "penalty": penalty}

    def floor(self, n: int) -> float:
        """Return the value of independent uniform codes. Evenly spaced codes, as on a lattice, have a lower value."""
        return koleo_floor(self.prior.dim, n)


def koleo(codes: Tensor) -> Tensor:
    """Return -mean log of the distance between each code [n, d] and its nearest neighbour among the others, n >= 2.

    Distances below 1e-6 count as 1e-6, so that equal codes give finite values and gradients.
    """
    with torch.no_grad():
        similarities = (codes @ codes.T).fill_diagonal_(-math.inf)
        nearest = similarities.argmax(1)
    squared = (codes - codes[nearest]).square().sum(1)
    return -0.5 * (squared + 1e-12).log().mean()


def koleo_floor(dim: int, n: int, steps: int = 20_000) -> float:
    """Return the expected `koleo` of n independent uniform unit vectors of R^dim, by the trapezoidal rule.

    One neighbour lies within the angle a with probability F(a), the normalised integral of sin^(dim-2). The nearest of
    n - 1 neighbours lies within a with probability G = 1 - (1 - F)^(n-1). Integration by parts gives
    E log(2 sin(a/2)) = log 2 - integral of G(a) cot(a/2) / 2.
    """
    w = torch.linspace(0, 1, steps, dtype=torch.float64)[1:]
    angles = math.pi * w.square()  # dense near 0
    density = angles.sin().clamp_min(0) ** (dim - 2)
    share = torch.cumulative_trapezoid(density, angles)
    within = 1 - (1 - share / share[-1]) ** (n - 1)
    return float(torch.trapezoid(within / (angles[1:] / 2).tan() / 2, angles[1:])) - math.log(2)
