"""Sharpness of images: the variance of their Laplacian (Tolstikhin et al., arXiv 1711.01558, table 1)."""

import torch
from torch import Tensor

LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))
GREY = (0.299, 0.587, 0.114)  # weights of red, green and blue (ITU-R BT.601)
IMAGES = 100  # filtered at a time


def sharpness(images: Tensor) -> float:
    """Return the mean over images of the variance over pixels of the Laplacian of the grey image, in [0, 1] units.

    Blurred images have a lower value than real ones, noisy images a higher one. The border of an image is left out.

    Args:
        images: uint8 [n, 1 or 3, h, w], h and w at least 3.
    """
    return float(torch.cat([_variances(batch) for batch in images.split(IMAGES)]).mean())


def _variances(images: Tensor) -> Tensor:
    """The variance of each image's Laplacian: float64 [n]."""
    pixels = images.float() / 255
    if images.shape[1] == 3:
        pixels = (pixels * pixels.new_tensor(GREY)[:, None, None]).sum(1, keepdim=True)
    kernel = pixels.new_tensor(LAPLACIAN)[None, None]
    return torch.nn.functional.conv2d(pixels, kernel).double().var(dim=(1, 2, 3), correction=0)
