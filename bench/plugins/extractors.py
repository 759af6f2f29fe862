"""The contract of extractors: the features in which images are compared, from a network that is not trained here.

    class RandomFeatures(nn.Module):
        "64 features of a random network."

        def __init__(self, shape):
            super().__init__()
            self.network = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), 64), nn.ReLU())

        def forward(self, images):
            return self.network(images / 127.5 - 1)

    EXTRACTORS = {"random": RandomFeatures}

`forward` maps uint8 images [n, c, h, w] to features [n, d], floating-point and finite. `shape` is (c, h, w) of the
images; leave it out if any shape will do. The constructor must build the same weights wherever it is called: random
numbers are seeded for it, and a file of weights must exist on every machine. --extractor NAME chooses it; its columns
are fd_NAME, kd_NAME and so on.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from bench.errors import UserError
from bench.evaluation.frozen_extractor import FROZEN, freeze
from bench.metrics.columns import EXTRACTORS
from bench.plugins.trying import first_line

SHAPE = (3, 32, 32)
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def register(name: str, make: Callable[..., Any], version: str) -> None:
    """Make the extractor one that --extractor may name.

    Raises:
        TypeError: it cannot be called with nothing, or with `shape`.
    """
    if not callable(make):
        raise TypeError("is not a class or function that returns a torch.nn.Module")
    parameters = inspect.signature(make).parameters.values()
    needed = {each.name for each in parameters if each.default is each.empty and each.kind not in VARIADIC}
    if needed - {"shape"}:
        raise TypeError(f"takes {inspect.signature(make)}; write __init__(self, shape) or __init__(self)")
    EXTRACTORS[name] = f"{first_line(make, 'of a plug-in')} (columns fd_{name}, kd_{name} ...)"
    FROZEN[name] = partial(freeze, name, make, version)


def check(name: str, make: Callable[..., nn.Module]) -> None:
    """Extract features of random images, one by one and together, from two copies.

    Raises:
        UserError: features are not [n, d] or not finite, or depend on the copy or on the other images of a batch.
    """
    del make
    first, second = FROZEN[name](SHAPE), FROZEN[name](SHAPE)
    if first.sha256 != second.sha256:
        raise UserError(f"the extractor {name} has other weights each time; draw them from torch's global generator")
    images = torch.randint(0, 256, (5, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    together, alone = first(images), torch.cat([second(image[None]) for image in images])
    if not torch.allclose(together, alone, rtol=1e-3, atol=1e-4):
        raise UserError(f"the extractor {name} gives an image other features in another batch; use evaluation mode")
