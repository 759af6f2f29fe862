"""In-batch InfoNCE: Chen, Kornblith, Norouzi, Hinton, SimCLR, arXiv 2002.05709, equation 1."""

from typing import Annotated

from torch import Tensor

from methods.base import Method
from methods.functional import info_nce_floor
from methods.hyperparameters import LogUniform, Positive
from methods.networks import Networks
from methods.priors import Prior


class SimCLR(Method):
    """MoCo-WAE without queue and momentum encoder: the negatives are the other codes of the batch.

    The positive of a code is the code itself, because images are not augmented. The difference between `moco` and this
    method therefore measures the contribution of the queue and the moving average.

    Args:
        weight: lambda, in units of the training images' total variance (`Networks.weight_unit`).
        temperature: tau; logits are cosine similarities over tau.
    """

    priors = ("sphere",)
    paper = "Chen et al., arXiv 2002.05709, equation 1, with the negatives of one view"
    search_space = {"weight": LogUniform(0.001, 10), "temperature": LogUniform(0.03, 1)}

    def __init__(
        self,
        networks: Networks,
        prior: Prior,
        *,
        weight: Annotated[float, Positive] = 0.29,
        temperature: Annotated[float, Positive] = 0.14,
    ) -> None:
        super().__init__(networks, prior)
        self.weight, self.temperature = weight * networks.weight_unit, temperature

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Add InfoNCE within the batch to the reconstruction error."""
        z = self.encode(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        penalty = in_batch_info_nce(z, self.temperature)
        return {"loss": reconstruction + self.weight * penalty, "reconstruction": reconstruction, "penalty": penalty}

    def floor(self, n: int) -> float:
        """Return InfoNCE of uniform codes with identical positives: the limit for many codes."""
        return info_nce_floor(self.prior.dim, n - 1, self.temperature)


def in_batch_info_nce(codes: Tensor, temperature: float) -> Tensor:
    """Return InfoNCE in nats of unit vectors [n, d], n >= 2: each is its own positive, the others are its negatives."""
    logits = codes @ codes.T / temperature
    return (logits.logsumexp(1) - logits.diagonal()).mean()
