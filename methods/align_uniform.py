"""Uniformity: Wang & Isola, Understanding Contrastive Representation Learning, arXiv 2005.10242, equation 6."""

from typing import Annotated

from torch import Tensor

from methods.base import Method
from methods.functional import uniformity, uniformity_floor
from methods.hyperparameters import LogUniform, Positive
from methods.networks import Networks
from methods.priors import Prior


class AlignUniform(Method):
    """The codes of a batch repel each other through a Gaussian potential.

    As in MoCo-WAE, images are not augmented, so every image is its own positive. The alignment term of the paper
    (equation 5) is therefore zero, and only the uniformity term remains.

    Args:
        weight: lambda, in units of the training images' total variance (`Networks.weight_unit`).
        t: the factor in the potential exp(-t |z - z'|^2). A larger t gives more weight to nearer neighbours.
    """

    priors = ("sphere",)
    paper = "Wang & Isola, arXiv 2005.10242, equation 6"
    search_space = {"weight": LogUniform(0.001, 10), "t": LogUniform(0.5, 20)}

    def __init__(
        self,
        networks: Networks,
        prior: Prior,
        *,
        weight: Annotated[float, Positive] = 0.16,
        t: Annotated[float, Positive] = 3.6,
    ) -> None:
        super().__init__(networks, prior)
        self.weight, self.t = weight * networks.weight_unit, t

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Add the uniformity of the codes to the reconstruction error."""
        z = self.encode(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        penalty = uniformity(z, self.t)
        return {"loss": reconstruction + self.weight * penalty, "reconstruction": reconstruction, "penalty": penalty}

    def floor(self, n: int) -> float:
        """Return the uniformity of the uniform distribution: the limit for many codes."""
        return uniformity_floor(self.prior.dim, self.t)
