"""Sinkhorn autoencoder: Patrini et al., arXiv 1810.01118; debiasing: Feydy et al., arXiv 1810.08278, equation 3."""

import math
from typing import Annotated

import torch
from torch import Tensor

from methods.base import Method
from methods.functional import squared_distances
from methods.hyperparameters import AtLeastOne, LogUniform, Positive
from methods.networks import Networks
from methods.priors import Prior


class Sinkhorn(Method):
    """Debiased entropic optimal transport between the codes of a batch and equally many prior samples.

    With small batches the expected penalty is lowest for codes narrower than the prior: by a factor of 0.30 for 128
    dimensions and batches of 64 (`python benchmarks/penalty_minimum.py`).

    Args:
        weight: lambda, in units of the training images' total variance (`Networks.weight_unit`).
        epsilon: entropic regularisation, in units of the mean squared distance between two prior samples. A smaller
            epsilon is closer to the Wasserstein distance, and needs more iterations.
        iterations: the number of iterations of Sinkhorn's algorithm. With 30 iterations, gradients are exact to 1% at
            the default epsilon, and to 20% at epsilon 0.01 (8 dimensions, batches of 50).
    """

    takes_any_prior = True
    paper = "Patrini et al., arXiv 1810.01118, algorithm 1; Feydy et al., arXiv 1810.08278, equation 3"
    published_names = ("SAE", "Sinkhorn autoencoder")
    search_space = {"weight": LogUniform(0.01, 100), "epsilon": LogUniform(0.01, 1)}

    def __init__(
        self,
        networks: Networks,
        prior: Prior,
        *,
        weight: Annotated[float, Positive] = 2.7,
        epsilon: Annotated[float, Positive] = 0.028,
        iterations: Annotated[int, AtLeastOne] = 30,
    ) -> None:
        super().__init__(networks, prior)
        self.weight, self.iterations = weight * networks.weight_unit, iterations
        self.epsilon = epsilon * prior.squared_distance

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Add the Sinkhorn divergence between codes and prior samples to the reconstruction error."""
        z = self.encode(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        samples = self.prior.sample(len(z), z.device)
        penalty = sinkhorn_divergence(z, samples, self.epsilon, self.iterations)
        return {"loss": reconstruction + self.weight * penalty, "reconstruction": reconstruction, "penalty": penalty}

    def floor(self, n: int) -> float:
        """Return 0, the limit for many codes. With few codes it is well above 0, most of all at a small epsilon."""
        return 0.0


def sinkhorn_divergence(x: Tensor, y: Tensor, epsilon: float, iterations: int) -> Tensor:
    """Return OT(x, y) - OT(x, x) / 2 - OT(y, y) / 2 with the cost |x - y|^2 (arXiv 1810.08278, equation 3).

    Only the last iteration is differentiated, because at the optimum the gradient through the potentials is zero.

    Args:
        x: codes [n, d], which receive gradients.
        y: prior samples [m, d], which receive none.
        epsilon: entropic regularisation, in units of the cost.
        iterations: the number of iterations of Sinkhorn's algorithm.
    """
    with torch.no_grad():
        f, g = _potentials(squared_distances(x, y), epsilon, iterations)
        within = _own_potential(squared_distances(x, x), epsilon, iterations)
        of_prior = _own_potential(squared_distances(y, y), epsilon, iterations)
    f = _soft_minimum(squared_distances(x, y), g, epsilon)
    # By symmetry, the gradient of OT(x, x) is twice the gradient in one argument.
    within = _soft_minimum(squared_distances(x, x.detach()), within, epsilon)
    return f.mean() + g.mean() - within.mean() - of_prior.mean()


def annealed(cost: Tensor, epsilon: float, iterations: int) -> Tensor:
    """Return the epsilon of every iteration [iterations]: from the largest cost down to `epsilon` in the first half.

    Annealing (Feydy et al., arXiv 1810.08278, section 3) converges several times sooner than a constant epsilon.
    """
    half = max(iterations // 2, 1)
    shares = (torch.arange(iterations, device=cost.device) / half).clamp_max(1.0)
    start = cost.max().clamp_min(epsilon)
    return start * (epsilon / start) ** shares


def _potentials(cost: Tensor, epsilon: float, iterations: int) -> tuple[Tensor, Tensor]:
    """The dual potentials f [n], g [m] of entropic transport between uniform weights."""
    f, g = torch.zeros_like(cost[:, 0]), torch.zeros_like(cost[0])
    for step in annealed(cost, epsilon, iterations).unbind():
        f = _soft_minimum(cost, g, step)
        g = _soft_minimum(cost.T, f, step)
    return f, g


def _own_potential(cost: Tensor, epsilon: float, iterations: int) -> Tensor:
    """The dual potential [n] of the transport from points to themselves; both potentials are equal."""
    f = torch.zeros_like(cost[0])
    for step in annealed(cost, epsilon, iterations).unbind():
        f = (f + _soft_minimum(cost, f, step)) / 2
    return f


def _soft_minimum(cost: Tensor, potential: Tensor, epsilon: float | Tensor) -> Tensor:
    """-epsilon log mean_j exp((potential_j - cost_ij) / epsilon), shape [n]."""
    return -epsilon * (((potential - cost) / epsilon).logsumexp(1) - math.log(cost.shape[1]))
