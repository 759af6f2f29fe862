"""A plug-in with a sampler: codes of training images with a little noise, a kernel density estimate."""

import numpy as np
import torch
from torch import Tensor

from bench.evaluation.samplers import encode
from methods import Method

IMAGES = 10_000
NOISE = 0.2  # of the standard deviation of the codes


class Resampled:
    """Codes of training images, with a little noise."""

    def __init__(self, method: Method, images: np.ndarray) -> None:
        self.method = method
        self.codes = encode(method, torch.from_numpy(images[:IMAGES]))
        self.noise = NOISE * self.codes.std(0)

    def sample(self, n: int) -> Tensor:
        """Generate images [n, c, h, w] in [-1, 1]."""
        codes = self.codes[torch.randint(len(self.codes), (n,), device=self.codes.device)]
        return self.method.decode(self.method.prior.project(codes + self.noise * torch.randn_like(codes)))


SAMPLERS = {"resampled": Resampled}
