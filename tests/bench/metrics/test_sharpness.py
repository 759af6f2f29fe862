"""Sharpness against loops, and on images whose sharpness is known."""

import numpy as np
import pytest
import torch

from bench.metrics import sharpness as module
from bench.metrics.sharpness import sharpness


def images(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8))


def slow_sharpness(batch: np.ndarray) -> float:
    """The definition, by loops."""
    values = []
    for image in batch.astype(float) / 255:
        grey = image[0] if len(image) == 1 else 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]
        h, w = grey.shape
        laplacian = [
            grey[i - 1, j] + grey[i + 1, j] + grey[i, j - 1] + grey[i, j + 1] - 4 * grey[i, j]
            for i in range(1, h - 1)
            for j in range(1, w - 1)
        ]
        values.append(np.var(laplacian))
    return float(np.mean(values))


@pytest.mark.parametrize("channels", [1, 3])
def test_sharpness_is_its_definition(monkeypatch, channels):
    monkeypatch.setattr(module, "IMAGES", 3)
    batch = images(7, channels, 6, 9)
    assert sharpness(batch) == pytest.approx(slow_sharpness(batch.numpy()), rel=1e-5)


def test_a_checkerboard_is_known_and_flat_images_and_ramps_have_none():
    board = (torch.arange(8)[:, None] + torch.arange(8)) % 2 * 255
    assert sharpness(board.to(torch.uint8)[None, None]) == pytest.approx(16)  # the Laplacian is 4 or -4 everywhere
    assert sharpness(torch.full((2, 3, 8, 8), 77, dtype=torch.uint8)) == pytest.approx(0, abs=1e-10)
    ramp = (10 * torch.arange(8)).to(torch.uint8).expand(1, 1, 8, 8)
    assert sharpness(ramp) == pytest.approx(0, abs=1e-10)


def test_blur_lowers_it_and_noise_raises_it():
    smooth = torch.nn.functional.avg_pool2d(images(20, 1, 18, 18).float(), 3, stride=1)
    blurred = torch.nn.functional.avg_pool2d(smooth, 3, stride=1)
    noisy = (smooth + 30 * torch.randn(smooth.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 255)
    values = [sharpness(each.to(torch.uint8)) for each in (blurred, smooth, noisy)]
    assert values == sorted(values)
    assert values[2] > 1.5 * values[1] > 3 * values[0]
