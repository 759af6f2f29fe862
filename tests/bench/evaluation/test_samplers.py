"""Samplers of codes."""

import numpy as np
import pytest
import torch

from bench.evaluation import samplers
from methods import Method
from methods.networks import Networks
from methods.priors import Normal, Sphere


class Ring(Method):
    """Codes in two narrow clusters, far from the prior; decoding gives the first number as grey."""

    def __init__(self, prior) -> None:
        super().__init__(Networks("small", (1, 8, 8), prior.dim, 4), prior)

    def encode(self, x):
        z = torch.zeros(len(x), self.prior.dim)
        z[:, 0] = 5 * (x.flatten(1).mean(1) > 0).float() - 2.5
        z[:, 1] = x.flatten(1).std(1)
        return self.prior.project(z)

    def decode(self, z):
        return (z[:, :1] / 5)[:, :, None, None].expand(-1, 1, 8, 8)


@pytest.mark.parametrize("prior", [Normal(3), Sphere(3)], ids=["normal", "sphere"])
def test_the_mixture_follows_the_codes_on_the_priors_support(prior):
    images = np.random.RandomState(0).randint(0, 256, (400, 1, 8, 8)).astype(np.uint8)
    images[::2] //= 2
    method = Ring(prior)
    torch.manual_seed(0)
    mixture = samplers.Mixture.fit(method, images)
    grey = mixture.sample(4000)[:, 0, 0, 0] * 5
    codes = samplers.encode(method, torch.from_numpy(images))
    for positive in (True, False):  # both clusters, in their shares, at their places
        generated, fitted = grey[(grey > 0) == positive], codes[:, 0][(codes[:, 0] > 0) == positive]
        assert len(generated) / 4000 == pytest.approx(len(fitted) / 400, abs=0.03)
        assert float(generated.mean()) == pytest.approx(float(fitted.mean()), abs=0.05)
    if isinstance(prior, Sphere):
        assert float(grey.abs().max()) <= 1 + 1e-6
    assert not torch.equal(mixture.sample(10), mixture.sample(10))
