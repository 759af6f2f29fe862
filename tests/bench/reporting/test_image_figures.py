"""Image grids in memory."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from bench.reporting.image_figures import LARGEST_SIDE, read_grid


def png(mode: str, size: tuple[int, int]) -> io.BytesIO:
    pixels = np.random.RandomState(0).randint(0, 256, (*size[::-1], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, "PNG")
    buffer.seek(0)
    return buffer


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_grids_of_ordinary_size_are_read_as_they_are(mode):
    buffer = png(mode, (777, 33))
    np.testing.assert_array_equal(read_grid(buffer), plt.imread(io.BytesIO(buffer.getvalue())))


@pytest.mark.parametrize("size", [(1200, 30), (30, 5000), (2500, 2500)])
def test_large_grids_are_reduced(size):
    assert max(read_grid(png("RGB", size)).shape) <= LARGEST_SIDE


@pytest.mark.parametrize("mode", ["1", "LA", "P", "RGBA"])
def test_other_kinds_of_png_are_read(mode):
    assert read_grid(png(mode, (40, 30))).shape[:2] == (30, 40)
