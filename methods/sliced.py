"""Sliced Wasserstein autoencoder: Kolouri, Pope, Martin, Rohde, arXiv 1804.01947, equation 14."""

from typing import Annotated

from torch import Tensor

from methods.base import Method
from methods.functional import sliced_distance
from methods.hyperparameters import AtLeastOne, LogUniform, Positive
from methods.networks import Networks
from methods.priors import Prior


class Sliced(Method):
    """Sorted random projections of the codes are matched with those of equally many prior samples.

    With small batches the expected penalty is lowest for codes narrower than the prior: by a factor of 0.95 for 128
    dimensions and batches of 64 (`python benchmarks/penalty_minimum.py`).

    Args:
        weight: lambda, in units of the training images' total variance (`Networks.weight_unit`).
        slices: L, the number of random directions in each step.
    """

    takes_any_prior = True
    paper = "Kolouri et al., arXiv 1804.01947, equation 14"
    published_names = ("SWAE", "sliced WAE")
    search_space = {"weight": LogUniform(0.01, 100)}

    def __init__(
        self,
        networks: Networks,
        prior: Prior,
        *,
        weight: Annotated[float, Positive] = 0.65,
        slices: Annotated[int, AtLeastOne] = 256,
    ) -> None:
        super().__init__(networks, prior)
        self.weight, self.slices = weight * networks.weight_unit, slices

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Add the sliced Wasserstein distance to prior samples to the reconstruction error."""
        z = self.encode(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        penalty = sliced_distance(z, self.prior.sample(len(z), z.device), self.slices)
        return {"loss": reconstruction + self.weight * penalty, "reconstruction": reconstruction, "penalty": penalty}

    def floor(self, n: int) -> float:
        """Return 0, the limit for many codes. With few codes the value is higher."""
        return 0.0
