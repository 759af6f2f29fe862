"""Conversion of images between uint8 and [-1, 1], and the batch size of evaluations."""

import torch
from torch import Tensor


def to_unit(images: Tensor) -> Tensor:
    """Convert uint8 to float32 in [-1, 1]."""
    return images.float() / 127.5 - 1


def to_uint8(images: Tensor) -> Tensor:
    """Convert [-1, 1] to uint8: round, and clip values outside. NaN becomes 0, as it does in saved images."""
    return ((images + 1) * 127.5).nan_to_num(0).round().clamp(0, 255).to(torch.uint8)


def batch_size(height: int, width: int) -> int:
    """Return the number of images measured at a time: 500 up to 64x64, fewer if larger, to bound memory."""
    return max(8, min(500, 500 * 64 * 64 // (height * width)))
