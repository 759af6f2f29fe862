"""A plug-in with an optimiser: Muon (Jordan et al., 2024), whose steps of a matrix have singular values near 1."""

import torch
from torch import Tensor
from torch.optim import Optimizer


class Muon(Optimizer):
    """Momentum whose steps are orthogonalised: matrices and filters; biases take steps of one size (their sign).

    Args:
        params: the parameters.
        lr: the size of a step.
        momentum: the share of the last direction that is kept.
    """

    def __init__(self, params, lr: float, momentum: float = 0.9) -> None:
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), not {momentum}")
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """Update all parameters."""
        del closure
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(p)
                direction = state["momentum_buffer"].mul_(group["momentum"]).add_(p.grad)
                step = orthogonalised(direction.flatten(1)).view_as(p) if p.ndim > 1 else direction.sign()
                p.sub_(group["lr"] * step)


def orthogonalised(matrix: Tensor, iterations: int = 5) -> Tensor:
    """Bring the singular values of a matrix [m, n] near 1, by Newton and Schulz's iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix / (matrix.norm() + 1e-7)
    x = x if len(x) <= x.shape[1] else x.T
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if x.shape == matrix.shape else x.T


OPTIMISERS = {"simple_muon": Muon}
