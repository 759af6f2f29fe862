"""The variational autoencoder: Kingma & Welling, Auto-Encoding Variational Bayes, arXiv 1312.6114."""

from typing import Annotated

import torch
from torch import Tensor

from methods.base import Method
from methods.functional import squared_error
from methods.hyperparameters import LogUniform, Positive
from methods.networks import Networks
from methods.priors import Prior


class VAE(Method):
    """Gaussian posterior with diagonal covariance, closed-form KL in nats.

    Args:
        beta: weight of the KL beside the squared error summed over pixels. The Gaussian decoder that this amounts to
            has variance beta / 2 in every pixel ([-1, 1] scale).
    """

    priors = ("normal",)
    paper = "Kingma & Welling, arXiv 1312.6114, equation 10"
    search_space = {"beta": LogUniform(0.01, 100)}
    encoder_outputs = 2

    def __init__(self, networks: Networks, prior: Prior, *, beta: Annotated[float, Positive] = 1.0) -> None:
        super().__init__(networks, prior)
        self.beta = beta

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x), shape [n, d] each."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance

    def encode(self, x: Tensor) -> Tensor:
        return self.posterior(x)[0]

    def sample_codes(self, x: Tensor) -> Tensor:
        return _draw(*self.posterior(x))

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        mean, log_variance = self.posterior(x)
        reconstruction = squared_error(self.decode(_draw(mean, log_variance)), x)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return {"loss": reconstruction + self.beta * kl, "reconstruction": reconstruction, "penalty": kl}


def _draw(mean: Tensor, log_variance: Tensor) -> Tensor:
    return mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
