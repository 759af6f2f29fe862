"""Images between uint8 and [-1, 1], and as PNG grids."""

import io
import math

import numpy as np
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


def grid_columns(side: int) -> int:
    """Images side by side in a grid, which is square: fewer of the large ones, so that a grid stays viewable."""
    return 8 if side <= 96 else 4


def grid_png(images: Tensor, columns: int | None = None, least_side: int = 32) -> bytes:
    """uint8 images [n, c, h, w] as one PNG, row by row, with a line between; small ones are enlarged in whole steps."""
    from PIL import Image

    n, c, h, w = images.shape
    columns = columns or grid_columns(w)
    rows = math.ceil(n / columns)
    zoom = max(1, math.ceil(least_side / h))
    canvas = torch.full((c, rows * (h * zoom + 1) + 1, columns * (w * zoom + 1) + 1), 255, dtype=torch.uint8)
    for i, image in enumerate(images.cpu()):
        top, left = (i // columns) * (h * zoom + 1) + 1, (i % columns) * (w * zoom + 1) + 1
        big = image.repeat_interleave(zoom, 1).repeat_interleave(zoom, 2)
        canvas[:, top : top + h * zoom, left : left + w * zoom] = big
    pixels = canvas[0].numpy() if c == 1 else canvas.permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def npz(arrays: dict[str, Tensor]) -> bytes:
    """Tensors on the CPU as a NumPy archive."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{name: values.numpy() for name, values in arrays.items()})
    return buffer.getvalue()
