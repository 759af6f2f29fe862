"""What is shown of a method beside its samples: interpolations, and codes against the prior."""

import io
import math

import numpy as np
import torch
from torch import Tensor

from bench.data.images import to_uint8, to_unit
from methods import Method

STEPS = 8  # images from one end of an interpolation to the other


@torch.no_grad()
def between(method: Method, codes: Tensor) -> Tensor:
    """Codes [STEPS * n / 2, d] on the prior's own paths from each code [n, d] at an even place to the next."""
    lines = len(codes) // 2
    t = torch.linspace(0, 1, STEPS, device=codes.device).repeat(lines)[:, None]
    first, last = (codes[side::2].repeat_interleave(STEPS, 0) for side in (0, 1))
    return method.prior.interpolate(first, last, t)


@torch.no_grad()
def interpolations(method: Method, images: Tensor) -> Tensor:
    """Lines of STEPS uint8 images: decoded from `between` the codes of every two of `images`, uint8 [n, c, h, w]."""
    return to_uint8(method.decode(between(method, method.encode(to_unit(images)))))


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
