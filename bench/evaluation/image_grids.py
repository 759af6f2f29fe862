"""Pictures of a trained method: grids of images as PNG, and interpolations."""

import io
import math

import torch
from torch import Tensor

from bench.data.images import to_uint8, to_unit
from methods import Method

STEPS = 8  # images in an interpolation, including both ends


@torch.no_grad()
def interpolate_codes(method: Method, codes: Tensor) -> Tensor:
    """Interpolate along the prior's paths from each code [n, d] at an even index to the next: [STEPS * n / 2, d]."""
    lines = len(codes) // 2
    t = torch.linspace(0, 1, STEPS, device=codes.device).repeat(lines)[:, None]
    first, last = (codes[side::2].repeat_interleave(STEPS, 0) for side in (0, 1))
    return method.prior.interpolate(first, last, t)


@torch.no_grad()
def interpolations(method: Method, images: Tensor) -> Tensor:
    """Return rows of STEPS uint8 images: decoded interpolations between each pair of uint8 images [n, c, h, w]."""
    return to_uint8(method.decode(interpolate_codes(method, method.encode(to_unit(images)))))


def grid_columns(side: int) -> int:
    """Return the number of columns, and of rows, of a grid: fewer for large images, so that the grid stays readable."""
    return 8 if side <= 96 else 4


def grid_png(images: Tensor, columns: int | None = None, least_side: int = 32) -> bytes:
    """Draw uint8 images [n, c, h, w] as one PNG, row by row, separated by lines.

    Args:
        images: the images.
        columns: images in a row. Default: `grid_columns`.
        least_side: smaller images are enlarged by an integer factor to at least this many pixels.
    """
    from PIL import Image

    n, c, h, w = images.shape
    columns = columns or grid_columns(w)
    rows = math.ceil(n / columns)
    zoom = max(1, math.ceil(least_side / h))
    canvas = torch.full((c, rows * (h * zoom + 1) + 1, columns * (w * zoom + 1) + 1), 255, dtype=torch.uint8)
    for i, image in enumerate(images.cpu()):
        top, left = (i // columns) * (h * zoom + 1) + 1, (i % columns) * (w * zoom + 1) + 1
        enlarged = image.repeat_interleave(zoom, 1).repeat_interleave(zoom, 2)
        canvas[:, top : top + h * zoom, left : left + w * zoom] = enlarged
    pixels = canvas[0].numpy() if c == 1 else canvas.permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
