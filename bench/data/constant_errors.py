"""Reconstruction errors of the best constant image: the units of relative penalty weights (`training.weight_units`)."""

import numpy as np
from scipy.special import entr

from bench.data.image_files import CHUNK_BYTES
from bench.data.sidecar import ConstantErrors

LEVELS = np.arange(256)


def constant_errors(images: np.ndarray) -> ConstantErrors:
    """Return how much the error of the best constant image exceeds that of a perfect reconstruction.

    The best constant is the mean image for both losses. For the squared error, the result is the total variance of the
    images: summed over pixels and channels, on the [-1, 1] scale. For the binary cross-entropy (in nats per pixel, on
    the [0, 1] scale), it is the entropy of the mean pixel minus the mean entropy of the pixels. Both are rounded to
    three digits, because decoders of different machines differ by a little.

    Args:
        images: uint8 [n, c, h, w]. They are read in chunks.
    """
    n, total = len(images), np.zeros(images.shape[1:])
    counts = np.zeros(256, dtype=np.int64)
    step = max(1, CHUNK_BYTES // total.size)
    for start in range(0, n, step):
        chunk = images[start : start + step]
        total += chunk.sum(0, dtype=np.float64)
        counts += np.bincount(chunk.reshape(-1), minlength=256)
    mean = total / n
    variance = total.size * (counts @ LEVELS.astype(float) ** 2) / counts.sum() - (mean**2).sum()
    entropy = _entropy(mean / 255).mean() - counts @ _entropy(LEVELS / 255) / counts.sum()
    return ConstantErrors(squared_error=_rounded(variance / 127.5**2), cross_entropy=_rounded(entropy))


def _entropy(p: np.ndarray) -> np.ndarray:
    return entr(p) + entr(1 - p)


def _rounded(error: float) -> float:
    """Three significant digits; 1 if all images are equal, because a unit of 0 would remove all penalties."""
    return float(f"{error:.3g}") if error > 1e-12 else 1.0
