"""The kernel distance between two sets of features: KID, where the features are Inception's.

Binkowski et al., arXiv 1801.01401, section 4: the unbiased squared MMD with the kernel (x.y / d + 1)^3, averaged over
random subsets. Unlike the Frechet distance it has no bias in the number of images; it can be slightly negative.
"""

import torch
from torch import Tensor

SUBSETS = 100
SUBSET = 1000  # images of each kind in a subset, or half of those there are


def kernel_distance(x: Tensor, y: Tensor, subsets: int = SUBSETS, size: int = SUBSET) -> tuple[float, float]:
    """The mean over subsets, and its standard error (of the choice of subsets, not of a training).

    Args:
        x, y: features, shape [n, d] and [m, d]; n, m >= 4. Subsets are drawn from torch's global generator.
    """
    size = min(size, len(x) // 2, len(y) // 2)
    values = torch.stack([polynomial_mmd(_some(x, size), _some(y, size)) for _ in range(subsets)])
    return float(values.mean()), float(values.std() / subsets**0.5)


def polynomial_mmd(x: Tensor, y: Tensor) -> Tensor:
    """Unbiased squared MMD with the kernel (x.y / d + 1)^3; features [n, d] and [m, d] to a float64 scalar."""
    n, m = len(x), len(y)

    def total(a: Tensor, b: Tensor) -> Tensor:
        kernel = torch.addmm(a.new_ones(1), a, b.T, alpha=1 / x.shape[1])
        return (kernel * kernel * kernel).sum(dtype=torch.float64)  # pow is several times slower

    def diagonal(a: Tensor) -> Tensor:
        return (a.square().sum(1) / x.shape[1] + 1).pow(3).sum(dtype=torch.float64)

    within_x = (total(x, x) - diagonal(x)) / (n * (n - 1))
    within_y = (total(y, y) - diagonal(y)) / (m * (m - 1))
    return within_x + within_y - 2 * total(x, y) / (n * m)


def _some(x: Tensor, size: int) -> Tensor:
    return x[torch.randperm(len(x))[:size].to(x.device)]
