"""SIGReg: Balestriero & LeCun, LeJEPA, arXiv 2511.08544, section 4.2: a sliced test of the characteristic function."""

from typing import Annotated

import torch
from torch import Tensor

from methods.base import Method
from methods.functional import random_directions
from methods.hyperparameters import AtLeastOne, LogUniform, Positive
from methods.networks import Networks
from methods.priors import Prior

KNOTS, LIMIT = 17, 3.0


class SIGReg(Method):
    """The statistic of Epps & Pulley (1983) for N(0, 1), averaged over random projections of the codes.

    For a direction v it is n times the integral over t of |mean exp(i t v.z) - exp(-t^2/2)|^2 exp(-t^2/2), computed by
    the trapezoidal rule with 17 knots on [0, 3]. The integrand is even, so this also covers [-3, 0].

    Args:
        weight: lambda, in units of the training images' total variance (`Networks.weight_unit`). The
            statistic grows with the batch size n.
        slices: random directions v in each step.
    """

    priors = ("normal",)
    paper = "Balestriero & LeCun, arXiv 2511.08544, section 4.2 (Epps-Pulley); knots: the authors' code"
    search_space = {"weight": LogUniform(0.0001, 1)}

    knots: Tensor
    weights: Tensor

    def __init__(
        self,
        networks: Networks,
        prior: Prior,
        *,
        weight: Annotated[float, Positive] = 0.0065,
        slices: Annotated[int, AtLeastOne] = 256,
    ) -> None:
        super().__init__(networks, prior)
        self.weight, self.slices = weight * networks.weight_unit, slices
        knots = torch.linspace(0, LIMIT, KNOTS)
        trapezoid = torch.full_like(knots, 2 * LIMIT / (KNOTS - 1))
        trapezoid[[0, -1]] /= 2
        self.register_buffer("knots", knots, persistent=False)
        self.register_buffer("weights", trapezoid * torch.exp(-knots.square() / 2), persistent=False)

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Add the mean statistic over random projections to the reconstruction error."""
        z = self.encode(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        angles = (z @ random_directions(self.prior.dim, self.slices, z.device))[:, :, None] * self.knots
        real = angles.cos().mean(0) - torch.exp(-self.knots.square() / 2)
        imaginary = angles.sin().mean(0)
        penalty = len(z) * ((real.square() + imaginary.square()) @ self.weights).mean()
        return {"loss": reconstruction + self.weight * penalty, "reconstruction": reconstruction, "penalty": penalty}

    def floor(self, n: int) -> float:
        """Return the exact expectation, which does not depend on `n`."""
        # E |mean exp(itz) - exp(-t^2/2)|^2 = (1 - exp(-t^2)) / n for n draws z from N(0, 1).
        return float((1 - torch.exp(-self.knots.square())) @ self.weights)
