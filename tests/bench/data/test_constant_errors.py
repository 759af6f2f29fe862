"""The units of relative weights are the errors of the best constant image, by the methods' own losses."""

import numpy as np
import pytest
import torch

from bench.data import constant_errors as module
from bench.data.constant_errors import constant_errors
from methods.functional import cross_entropy, squared_error


def pictures(n: int = 60) -> np.ndarray:
    random = np.random.default_rng(0)
    return (random.beta(0.5, 1.5, (n, 3, 8, 8)) * 255).astype(np.uint8)


@pytest.mark.parametrize("chunk", [100, 8 * 2**20])
def test_they_are_the_losses_of_the_mean_image_beyond_those_of_the_images_themselves(chunk, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_BYTES", chunk)
    images = pictures()
    x = torch.from_numpy(images).double() / 127.5 - 1
    mean = x.mean(0, keepdim=True).expand_as(x)
    found = constant_errors(images)
    assert found.squared_error == pytest.approx(float(squared_error(mean, x)), rel=5e-3)
    expected = cross_entropy(mean, x) - cross_entropy(x, x)
    assert found.cross_entropy == pytest.approx(float(expected), rel=5e-3)


def test_no_other_constant_is_better():
    x = torch.from_numpy(pictures()).double() / 127.5 - 1
    mean = x.mean(0, keepdim=True)
    for loss in (squared_error, cross_entropy):
        best = loss(mean.expand_as(x), x)
        for shift in (-0.02, 0.02):
            assert loss((mean + shift).clamp(-1, 1).expand_as(x), x) > best


def test_equal_images_have_the_unit_one():
    errors = constant_errors(np.full((5, 1, 4, 4), 7, np.uint8))
    assert (errors.squared_error, errors.cross_entropy) == (1.0, 1.0)
