"""Regularised autoencoder: Ghosh, Sajjadi, Vergari, Black, Schoelkopf, arXiv 1903.12436, equations 11 and 12."""

from typing import Annotated

from torch import Tensor

from methods.base import Method
from methods.hyperparameters import LogUniform, Positive
from methods.networks import Networks
from methods.priors import Prior


class RAE(Method):
    """Small codes and small decoder weights (RAE-L2); the training matches no distribution.

    It is designed to be sampled from a mixture fitted to its codes: `bench.evaluate --sampler gmm`. Its score with
    codes from the prior is reported too, as in the paper. `--tune`, and therefore the defaults, use that score.

    Args:
        weight: beta, the weight of half the squared norm of a code, in units of the reconstruction error.
        decoder_weight: lambda, the weight of the sum of the decoder's squared parameters.
    """

    priors = ("normal",)
    paper = "Ghosh et al., arXiv 1903.12436, equations 11 and 12, L2 (its gradient penalty is not offered)"
    published_names = ("RAE-L2",)
    no_floor = "small codes are not matched to a prior"
    search_space = {"weight": LogUniform(1e-5, 0.1), "decoder_weight": LogUniform(1e-9, 1e-5)}

    def __init__(
        self,
        networks: Networks,
        prior: Prior,
        *,
        weight: Annotated[float, Positive] = 0.0047,
        decoder_weight: Annotated[float, Positive] = 3.6e-7,
    ) -> None:
        super().__init__(networks, prior)
        self.weight, self.decoder_weight = weight * networks.weight_unit, decoder_weight * networks.weight_unit

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Add the squared norms of the codes and of the decoder's parameters to the reconstruction error."""
        z = self.encode(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        penalty = z.square().sum(1).mean() / 2
        decoder = sum((p.square().sum() for p in self.decoder.parameters()), start=z.new_zeros(()))
        loss = reconstruction + self.weight * penalty + self.decoder_weight * decoder
        return {"loss": loss, "reconstruction": reconstruction, "penalty": penalty, "decoder_norm": decoder}
