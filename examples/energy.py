"""A plug-in with one method: its penalty is the energy distance between codes and samples of the prior."""

from typing import Annotated

from torch import Tensor, cdist

from methods import Method
from methods.hyperparameters import LogUniform, Positive


class Energy(Method):
    """Codes are attracted by prior samples and repel each other; the penalty has no kernel and no scale to choose.

    Args:
        weight: lambda, in units of the training images' total variance (`Networks.weight_unit`).
    """

    takes_any_prior = True
    paper = "Szekely & Rizzo, Energy statistics, Journal of Statistical Planning and Inference 143, 2013"
    search_space = {"weight": LogUniform(0.05, 50)}

    def __init__(self, networks, prior, *, weight: Annotated[float, Positive] = 5.0):
        super().__init__(networks, prior)
        self.weight = weight * networks.weight_unit

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Add the energy distance between codes and prior samples to the reconstruction error."""
        z = self.encode(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        samples = self.prior.sample(len(z), z.device)
        penalty = 2 * distances(z, samples).mean() - within(z) - within(samples)
        return {"loss": reconstruction + self.weight * penalty, "reconstruction": reconstruction, "penalty": penalty}

    def floor(self, n: int) -> float:
        """Return 0, because the estimate is unbiased for every `n`."""
        del n
        return 0.0


def distances(x: Tensor, y: Tensor) -> Tensor:
    """Return the distances [n, m] of rows. With matrix products, rounding would give equal points a distance > 0."""
    return cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def within(x: Tensor) -> Tensor:
    """Return the mean distance between two different rows of x [n, d]."""
    return distances(x, x).sum() / (len(x) * (len(x) - 1))


METHODS = {"energy": Energy}
