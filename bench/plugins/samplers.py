"""The contract of samplers: how images are generated with a trained method.

    class Resampled:
        "Codes of training images, with a little noise."

        def __init__(self, method, images):
            self.method, self.codes = method, encode(method, torch.from_numpy(images[:10_000]))

        def sample(self, n):
            codes = self.codes[torch.randint(len(self.codes), (n,))]
            return self.method.decode(self.method.prior.project(codes + 0.1 * torch.randn_like(codes)))

    SAMPLERS = {"resampled": Resampled}

It is called with the method, in evaluation mode, and its uint8 training images [n, c, h, w], a NumPy array; what it
returns has `sample(n)`, which gives images [n, c, h, w] in [-1, 1] and draws from torch's global generator.
bench.evaluate and bench.sample take --sampler NAME. Results of each sampler have columns of their own.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from bench.errors import UserError
from bench.evaluation.samplers import SAMPLERS, Sampler
from bench.plugins.trying import refuse_other_parameters, refuse_unlike, refuse_unrepeatable
from bench.runtime.rng import forked
from methods import Method
from methods.networks import Networks
from methods.priors import Normal

SHAPE = (1, 8, 8)
COUNT = 7


def register(name: str, make: Callable[..., Any], version: str) -> None:
    """Make the sampler one that --sampler may name.

    Raises:
        TypeError: it cannot be called with a method and images.
    """
    del version
    if not callable(make):
        raise TypeError("is not a class or function of a method and its training images")
    refuse_other_parameters(make, ("method", "images"), "__init__(self, method, images)")
    SAMPLERS[name] = make


def check(name: str, make: Callable[[Method, np.ndarray], Sampler]) -> None:
    """Sample twice with an untrained method and random images.

    Raises:
        UserError: images have another shape, are not in [-1, 1], or differ although the seed is the same.
    """
    with forked(0), torch.no_grad():
        method = Method(Networks("small", SHAPE, 3, 4), Normal(3)).eval()
        source = make(method, np.random.default_rng(0).integers(0, 256, (200, *SHAPE), dtype=np.uint8))
    if not hasattr(source, "sample"):
        raise UserError(f"the sampler {name} has no sample(n)")
    images = []
    for _ in range(2):
        with forked(1), torch.no_grad():
            images.append(refuse_unlike(source.sample(COUNT), (COUNT, *SHAPE), f"images of the sampler {name}"))
    refuse_unrepeatable(images[0], images[1], f"images of the sampler {name}")
    if images[0].abs().max() > 1:
        raise UserError(f"images of the sampler {name} must be in [-1, 1], as method.decode returns them")
