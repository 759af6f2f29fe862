"""In-batch InfoNCE: Chen, Kornblith, Norouzi, Hinton, SimCLR, arXiv 2002.05709."""

from typing import Annotated

from torch import Tensor

from methods.base import Method
from methods.functional import info_nce_floor
from methods.hyperparameters import LogUniform, Positive
from methods.networks import Networks
from methods.priors import Prior


class SimCLR(Method):
    """MoCo-WAE without its queue and its momentum encoder: the negatives are the other codes of the batch.

    The positive is the same image, without augmentation, so it is the code itself. What `moco` is better than this is
    what the queue and the moving average are worth.

    Args:
        weight: lambda, in units of the reconstruction error.
        temperature: tau; logits are cosine similarities over tau.
    """

    priors = ("sphere",)
    paper = "Chen et al., arXiv 2002.05709, equation 1, with the negatives of one view"
    search_space = {"weight": LogUniform(0.1, 1000), "temperature": LogUniform(0.03, 1)}

    def __init__(
        self,
        networks: Networks,
        prior: Prior,
        *,
        weight: Annotated[float, Positive] = 4.2,
        temperature: Annotated[float, Positive] = 0.13,
    ) -> None:
        super().__init__(networks, prior)
        self.weight, self.temperature = weight, temperature

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        z = self.encode(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        penalty = in_batch_info_nce(z, self.temperature)
        return {"loss": reconstruction + self.weight * penalty, "reconstruction": reconstruction, "penalty": penalty}

    def floor(self, n: int) -> float:
        return info_nce_floor(self.prior.dim, n - 1, self.temperature)


def in_batch_info_nce(codes: Tensor, temperature: float) -> Tensor:
    """InfoNCE of unit vectors [n, d], n >= 2, each its own positive and the others its negatives, in nats."""
    logits = codes @ codes.T / temperature
    return (logits.logsumexp(1) - logits.diagonal()).mean()
