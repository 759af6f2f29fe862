"""InfoVAE: Zhao, Song, Ermon, InfoVAE: Information Maximizing Variational Autoencoders, arXiv 1706.02262."""

from typing import Annotated

from torch import Tensor

from methods.base import Method
from methods.functional import gaussian_draw, gaussian_kl, mmd
from methods.hyperparameters import LogUniform, Positive, Uniform, Unit
from methods.networks import Networks
from methods.priors import Prior


class InfoVAE(Method):
    """A VAE that replaces a part of its KL by an MMD between the draws of a batch and prior samples.

    Args:
        weight: weight of the MMD, alpha + lambda - 1 in the paper, in units of the reconstruction error.
        alpha: 1 removes the KL of the posteriors; 0 keeps all of it, as in a VAE.
    """

    priors = ("normal",)
    paper = "Zhao et al., arXiv 1706.02262, equation 6, with the MMD of its section 4"
    published_names = ("MMD-VAE",)
    search_space = {"weight": LogUniform(0.01, 100), "alpha": Uniform(0, 1)}

    def __init__(
        self,
        networks: Networks,
        prior: Prior,
        *,
        weight: Annotated[float, Positive] = 0.017,
        alpha: Annotated[float, Unit] = 0.73,
    ) -> None:
        super().__init__(networks, prior)
        self.weight, self.alpha = weight * networks.weight_unit, alpha

    @classmethod
    def encoder_outputs(cls, dim: int) -> int:
        """Mean and log variance for each latent dimension."""
        return 2 * dim

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and log variance of q(z|x), shape [n, d] each."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance

    def encode(self, x: Tensor) -> Tensor:
        """Return the mean of q(z|x)."""
        return self.posterior(x)[0]

    def sample_codes(self, x: Tensor) -> Tensor:
        """Draw from q(z|x)."""
        return gaussian_draw(*self.posterior(x))

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Add the MMD and the reduced KL to the reconstruction error."""
        mean, log_variance = self.posterior(x)
        z = gaussian_draw(mean, log_variance)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        kl = gaussian_kl(mean, log_variance)
        penalty = mmd(z, self.prior.sample(len(z), z.device), self.prior.squared_distance)
        loss = reconstruction + (1 - self.alpha) * kl + self.weight * penalty
        return {"loss": loss, "reconstruction": reconstruction, "penalty": penalty, "kl": kl}

    def floor(self, n: int) -> float:
        """Return 0, because the MMD is unbiased."""
        return 0.0
