"""Images between uint8 and [-1, 1], and as PNG grids."""

import torch
from torch import Tensor


def to_unit(images: Tensor) -> Tensor:
    """uint8 0 to 255 -> float32 in [-1, 1]."""
    return images.float() / 127.5 - 1


def to_uint8(images: Tensor) -> Tensor:
    """[-1, 1] -> uint8, rounded; what lies outside is clipped. NaN becomes 0, as in a saved file."""
    return ((images + 1) * 127.5).nan_to_num(0).round().clamp(0, 255).to(torch.uint8)


def batch_size(height: int, width: int) -> int:
    """Images that are measured at a time: 500 of up to 64x64, of larger ones as many fewer, to bound memory."""
    return max(8, min(500, 500 * 64 * 64 // (height * width)))
