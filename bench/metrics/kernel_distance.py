"""The kernel distance between two sets of features: KID, where the features are Inception's.

Binkowski et al., arXiv 1801.01401, section 4: the unbiased squared MMD with the kernel (x.y / d + 1)^3, averaged over
random subsets. Unlike the Frechet distance it has no bias in the number of images; it can be slightly negative.
"""

import torch
from torch import Tensor

SUBSETS = 100
SUBSET = 1000  # images of each kind in a subset, or half of those there are
ROWS = 1000  # of the kernel, held at a time
MEMBERSHIP = 3  # what a pair costs with its sums over all subsets, over what it costs alone


def kernel_distance(x: Tensor, y: Tensor, subsets: int = SUBSETS, size: int = SUBSET) -> tuple[float, float]:
    """The mean over subsets, and its standard error (of the choice of subsets, not of a training).

    Args:
        x, y: features, shape [n, d] and [m, d]; n, m >= 4. Subsets are drawn from torch's global generator.
    """
    size = min(size, len(x) // 2, len(y) // 2)
    drawn = [(torch.randperm(len(x))[:size], torch.randperm(len(y))[:size]) for _ in range(subsets)]
    in_x, in_y = (torch.stack(each).to(x.device) for each in zip(*drawn, strict=True))
    within = sum(_totals(a, a, rows, rows) - _diagonal(a)[rows].sum(1) for a, rows in ((x, in_x), (y, in_y)))
    values = within / (size * (size - 1)) - 2 * _totals(x, y, in_x, in_y) / size**2
    return float(values.mean()), float(values.std() / subsets**0.5)


def pairs(n: int, m: int) -> int:
    """How many single pairs cost what `kernel_distance` does between n and m features."""
    size = min(SUBSET, n // 2, m // 2)
    sums = ((n, n), (m, m), (n, m))
    return sum(MEMBERSHIP * a * b if _once(a, b, SUBSETS, size) else SUBSETS * size**2 for a, b in sums)


def _once(n: int, m: int, subsets: int, size: int) -> bool:
    """Whether all pairs of n and m are worth computing once, rather than those of each subset."""
    return MEMBERSHIP * n * m < subsets * size**2


def polynomial_kernel(a: Tensor, b: Tensor) -> Tensor:
    """(x.y / d + 1)^3 of all rows x of a [n, d] and y of b [m, d]: [n, m]."""
    kernel = torch.addmm(a.new_ones(1), a, b.T, alpha=1 / a.shape[1])
    return kernel * kernel * kernel  # pow is several times slower


def _diagonal(a: Tensor) -> Tensor:
    """Of the kernel of a [n, d] with itself: float64 [n]."""
    return (a.square().sum(1) / a.shape[1] + 1).pow(3).double()


def _totals(a: Tensor, b: Tensor, in_a: Tensor, in_b: Tensor) -> Tensor:
    """The kernel's sum over each subset's pairs, float64 [s]; subsets are rows of a and of b, both [s, k].

    Subsets that overlap much have most pairs in common: then all pairs are computed once.
    """
    if not _once(len(a), len(b), *in_a.shape):
        pairs = zip(in_a, in_b, strict=True)
        return torch.stack([polynomial_kernel(a[i], b[j]).sum(dtype=torch.float64) for i, j in pairs])
    from_a, from_b = _membership(in_a, len(a)), _membership(in_b, len(b))
    blocks = zip(a.split(ROWS), from_a.split(ROWS), strict=True)
    sums = [(block * (polynomial_kernel(x, b) @ from_b)).sum(0, dtype=torch.float64) for x, block in blocks]
    return torch.stack(sums).sum(0)


def _membership(rows: Tensor, n: int) -> Tensor:
    """Whether each of n rows is in each subset [s, k]: float32 [n, s], 1 or 0."""
    return torch.zeros(n, len(rows), device=rows.device).scatter_(0, rows.T, 1)
