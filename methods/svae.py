"""Hyperspherical VAE: Davidson et al., arXiv 1804.00891, equation 7; posterior: De Cao & Aziz, arXiv 2006.04437."""

import math
from typing import Annotated

import torch
from torch import Tensor
from torch.distributions import Beta
from torch.nn.functional import normalize, softplus

from methods.base import Method
from methods.hyperparameters import LogUniform, Positive
from methods.networks import Networks
from methods.priors import Prior


class SVAE(Method):
    """A VAE on the sphere with a uniform prior and a power spherical posterior, which needs no rejection sampling.

    Args:
        beta: weight of the KL in nats, relative to the reconstruction error.
    """

    priors = ("sphere",)
    paper = "Davidson et al., arXiv 1804.00891, equation 7; De Cao & Aziz, arXiv 2006.04437, equations 4, 7 and 15"
    published_names = ("S-VAE", "hyperspherical VAE")
    no_floor = "the KL of each image's posterior does not measure the codes of all images"
    search_space = {"beta": LogUniform(0.003, 30)}

    def __init__(self, networks: Networks, prior: Prior, *, beta: Annotated[float, Positive] = 0.038) -> None:
        super().__init__(networks, prior)
        self.beta = beta

    @classmethod
    def encoder_outputs(cls, dim: int) -> int:
        """A direction and a concentration."""
        return dim + 1

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean direction [n, d], on the sphere, and the concentration [n], above 1, of q(z|x)."""
        out = self.encoder(x)
        return self.prior.project(out[:, :-1]), softplus(out[:, -1]) + 1

    def encode(self, x: Tensor) -> Tensor:
        """Return the mean direction of q(z|x)."""
        return self.posterior(x)[0]

    def sample_codes(self, x: Tensor) -> Tensor:
        """Draw from q(z|x)."""
        return power_spherical_sample(*self.posterior(x))

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Add the KL of the posterior from the uniform distribution to the reconstruction error."""
        direction, concentration = self.posterior(x)
        z = power_spherical_sample(direction, concentration)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        kl = power_spherical_kl(concentration, self.prior.dim).mean()
        return {"loss": reconstruction + self.beta * kl, "reconstruction": reconstruction, "penalty": kl}


def power_spherical_sample(direction: Tensor, concentration: Tensor) -> Tensor:
    """Draw from each power spherical distribution: [n, d], differentiable (arXiv 2006.04437, algorithm 1).

    The density is proportional to (1 + direction . z)^concentration on the unit sphere.

    Args:
        direction: unit vectors, shape [n, d], d >= 2.
        concentration: positive, shape [n].
    """
    n, dim = direction.shape
    beta = torch.full_like(concentration, (dim - 1) / 2)
    # Validating the arguments would wait for the device.
    share = Beta(concentration + beta, beta, validate_args=False).rsample().clamp(1e-6, 1 - 1e-6)[:, None]
    tangent = normalize(torch.randn(n, dim - 1, device=direction.device), dim=1)
    draw = torch.cat([2 * share - 1, 2 * (share * (1 - share)).sqrt() * tangent], dim=1)  # around the first axis
    axis = torch.eye(1, dim, device=direction.device)
    mirror = normalize(axis - direction, dim=1)  # Householder reflection: maps the first axis to `direction`
    return draw - 2 * (draw * mirror).sum(1, keepdim=True) * mirror


def power_spherical_kl(concentration: Tensor, dim: int) -> Tensor:
    """Return the KL, in nats, of power spherical distributions from the uniform one on the sphere of R^dim: [n].

    It is log(area) minus the entropy of equation 15. It is computed in float64, because terms as large as the
    concentration cancel.
    """
    kappa = concentration.double()
    beta = (dim - 1) / 2
    alpha = kappa + beta
    log_normaliser = -(alpha + beta) * math.log(2) - beta * math.log(math.pi) - alpha.lgamma() + (alpha + beta).lgamma()
    log_area = math.log(2) + dim / 2 * math.log(math.pi) - math.lgamma(dim / 2)
    mean_log = math.log(2) + alpha.digamma() - (alpha + beta).digamma()
    return (log_normaliser + kappa * mean_log + log_area).to(concentration.dtype)
