"""WAE-MMD: Tolstikhin, Bousquet, Gelly, Schoelkopf, Wasserstein Auto-Encoders, arXiv 1711.01558, algorithm 2."""

from typing import Annotated, Literal

from torch import Tensor

from methods.base import Method
from methods.functional import MMD_SCALES, mmd
from methods.hyperparameters import LogUniform, Positive
from methods.networks import Networks
from methods.priors import Prior


class MMD(Method):
    """The unbiased MMD between the codes of a batch and equally many prior samples.

    Args:
        weight: lambda, in units of the training images' total variance (`Networks.weight_unit`).
        scale: factor on the kernel's widths, whose unit is the mean squared distance between two prior samples. WAE's
            code uses 2d as the unit, which fits N(0, I) but is d times too wide on the sphere; `scale=d` reproduces it
            there.
        kernels: 7 sums the kernel over the seven widths of WAE's code; 1 has the single width `scale`.
    """

    takes_any_prior = True
    paper = "Tolstikhin et al., arXiv 1711.01558, algorithm 2"
    published_names = ("WAE-MMD",)
    search_space = {"weight": LogUniform(0.01, 100)}

    def __init__(
        self,
        networks: Networks,
        prior: Prior,
        *,
        weight: Annotated[float, Positive] = 0.65,
        scale: Annotated[float, Positive] = 1.0,
        kernels: Literal[1, 7] = 7,
    ) -> None:
        super().__init__(networks, prior)
        self.scales = MMD_SCALES if kernels == 7 else (1.0,)
        self.weight, self.base = weight * networks.weight_unit, scale * prior.squared_distance

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Add the MMD between codes and prior samples to the reconstruction error."""
        z = self.encode(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        penalty = mmd(z, self.prior.sample(len(z), z.device), self.base, self.scales)
        return {"loss": reconstruction + self.weight * penalty, "reconstruction": reconstruction, "penalty": penalty}

    def floor(self, n: int) -> float:
        """Return 0, because the estimate is unbiased."""
        return 0.0
