"""The kernel distance between two sets of features. With Inception features it is the KID.

Binkowski et al., arXiv 1801.01401, section 4: the unbiased squared MMD with the kernel (x.y / d + 1)^3, averaged over
random subsets. Unlike the Frechet distance, it is unbiased for any number of images, so it can be slightly negative.
"""

import torch
from torch import Tensor

SUBSETS = 100
SUBSET = 1000  # images of each set in a subset; at most half of the set
ROWS = 1000  # rows of the kernel matrix in memory at a time
MEMBERSHIP = 3  # cost of a pair whose kernel value is shared by all subsets, in pairs computed for one subset


def kernel_distance(x: Tensor, y: Tensor, subsets: int = SUBSETS, size: int = SUBSET) -> tuple[float, float]:
    """Return the mean over subsets, and its standard error as a measurement of the two distributions.

    The error is that of the delete-d jackknife (Shao & Wu, Annals of Statistics 17, 1989), whose subsets are those of
    the mean: their standard deviation times sqrt(size / (n - size)), with the smaller of n and m. The error of a mean
    of independent subsets, which is usual for KID, is several times too small, because the subsets share images.
    Subsets are drawn from torch's global generator.

    Args:
        x: features, shape [n, d], n >= 4.
        y: features, shape [m, d], m >= 4.
        subsets: the number of subsets.
        size: vectors of each set in a subset; at most half of a set is used.
    """
    size = min(size, len(x) // 2, len(y) // 2)
    subset_rows = [(torch.randperm(len(x))[:size], torch.randperm(len(y))[:size]) for _ in range(subsets)]
    in_x, in_y = (torch.stack(each).to(x.device) for each in zip(*subset_rows, strict=True))
    within = sum(_totals(a, a, rows, rows) - _diagonal(a)[rows].sum(1) for a, rows in ((x, in_x), (y, in_y)))
    values = within / (size * (size - 1)) - 2 * _totals(x, y, in_x, in_y) / size**2
    left_out = min(len(x), len(y)) - size
    return float(values.mean()), float(values.std() * (size / left_out) ** 0.5)


def equivalent_pairs(n: int, m: int) -> int:
    """Return how many kernel values of single pairs cost as much as `kernel_distance` of n and m features."""
    size = min(SUBSET, n // 2, m // 2)
    sums = ((n, n), (m, m), (n, m))
    return sum(MEMBERSHIP * a * b if _shares_pairs(a, b, SUBSETS, size) else SUBSETS * size**2 for a, b in sums)


def _shares_pairs(n: int, m: int, subsets: int, size: int) -> bool:
    """Whether computing all n m pairs once is cheaper than computing the pairs of each subset."""
    return MEMBERSHIP * n * m < subsets * size**2


def polynomial_kernel(a: Tensor, b: Tensor) -> Tensor:
    """Return (x.y / d + 1)^3 for all rows x of a [n, d] and y of b [m, d]: shape [n, m]."""
    kernel = torch.addmm(a.new_ones(1), a, b.T, alpha=1 / a.shape[1])
    return kernel * kernel * kernel  # pow is several times slower


def _diagonal(a: Tensor) -> Tensor:
    """The diagonal of the kernel of a [n, d] with itself: float64 [n]."""
    return (a.square().sum(1) / a.shape[1] + 1).pow(3).double()


def _totals(a: Tensor, b: Tensor, in_a: Tensor, in_b: Tensor) -> Tensor:
    """Sum the kernel over the pairs of each subset: float64 [s]. Subsets are indices of rows of a and of b, [s, k].

    If subsets overlap so much that they share most pairs, all pairs are computed once.
    """
    if not _shares_pairs(len(a), len(b), *in_a.shape):
        pairs = zip(in_a, in_b, strict=True)
        return torch.stack([polynomial_kernel(a[i], b[j]).sum(dtype=torch.float64) for i, j in pairs])
    from_a, from_b = _membership(in_a, len(a)), _membership(in_b, len(b))
    blocks = zip(a.split(ROWS), from_a.split(ROWS), strict=True)
    sums = [(block * (polynomial_kernel(x, b) @ from_b)).sum(0, dtype=torch.float64) for x, block in blocks]
    return torch.stack(sums).sum(0)


def _membership(rows: Tensor, n: int) -> Tensor:
    """Membership of each of n rows in each subset [s, k]: float32 [n, s], 1 or 0."""
    return torch.zeros(n, len(rows), device=rows.device).scatter_(0, rows.T, 1)
