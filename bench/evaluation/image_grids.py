"""What is shown of a method beside its samples: interpolations, and codes against the prior."""

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
