"""The variational autoencoder: Kingma & Welling, Auto-Encoding Variational Bayes, arXiv 1312.6114, equation 10."""

from typing import Annotated

from torch import Tensor

from methods.base import Method
from methods.functional import gaussian_draw, gaussian_kl
from methods.hyperparameters import LogUniform, Positive
from methods.networks import Networks
from methods.priors import Prior


class VAE(Method):
    """A Gaussian posterior with diagonal covariance, and the KL in closed form.

    Args:
        beta: weight of the KL in nats, relative to the squared error summed over pixels. It corresponds to a Gaussian
            decoder with variance beta / 2 in every pixel, on the [-1, 1] scale.
    """

    priors = ("normal",)
    paper = "Kingma & Welling, arXiv 1312.6114, equation 10"
    published_names = ("beta-VAE",)
    no_floor = "the KL of each image's posterior does not measure the codes of all images"
    search_space = {"beta": LogUniform(0.003, 30)}

    def __init__(self, networks: Networks, prior: Prior, *, beta: Annotated[float, Positive] = 0.12) -> None:
        super().__init__(networks, prior)
        self.beta = beta

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
        """Add the KL of the posterior from the prior to the reconstruction error."""
        mean, log_variance = self.posterior(x)
        reconstruction = self.reconstruction_error(self.decode(gaussian_draw(mean, log_variance)), x)
        kl = gaussian_kl(mean, log_variance)
        return {"loss": reconstruction + self.beta * kl, "reconstruction": reconstruction, "penalty": kl}
