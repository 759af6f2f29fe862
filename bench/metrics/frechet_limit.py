"""The Frechet distance of infinitely many images, by extrapolation: FID-infinity (Chong & Forsyth, arXiv 1911.07023).

A Frechet distance of n images is too high by about c / n, with a c that differs between generators. The distances of
random subsets lie on a line over 1 / n; its value at 0 is the distance without this bias. What the number of reference
images adds remains, and is the same for all generators.
"""

import torch
from torch import Tensor

from bench.metrics.frechet import Gaussian, frechet_distance, gaussian

SIZES = 15  # of subsets, evenly spaced; the paper has 15 from 5,000 to 50,000
SMALLEST = 0.1  # share of the images in the smallest subset
PER_FEATURE = 2  # images per feature in the smallest subset, if there are enough: with fewer, the line is a curve
SEED = 0  # of the subsets


def frechet_limit(features: Tensor, real: Gaussian) -> float:
    """Return the distance, extrapolated over 1 / n to n = infinity; NaN if a feature is not finite.

    It can be slightly negative. It has more variance than the distance of all images.

    Args:
        features: of generated images, shape [n, d]. With n < 4 d, the extrapolation is still too low or too high.
        real: moments of the reference images.
    """
    generator = torch.Generator().manual_seed(SEED)
    sizes = subset_sizes(*features.shape)
    subsets = (torch.randperm(len(features), generator=generator)[:size] for size in sizes)
    distances = [frechet_distance(gaussian(features[rows.to(features.device)]), real) for rows in subsets]
    return intercept([1 / size for size in sizes], distances)


def subset_sizes(n: int, dim: int) -> list[int]:
    """Return the sizes of the subsets, ascending; the last is n."""
    smallest = max(2, SMALLEST * n, min(PER_FEATURE * dim, n / 2))
    return [round(smallest + (n - smallest) * i / (SIZES - 1)) for i in range(SIZES)]


def intercept(x: list[float], y: list[float]) -> float:
    """Return the value at 0 of the line that fits y over x with least squares; x must differ."""
    x_mean, y_mean = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((a - x_mean) * (b - y_mean) for a, b in zip(x, y, strict=True))
    return y_mean - covariance / sum((a - x_mean) ** 2 for a in x) * x_mean
