"""Grids of images."""

import numpy as np
import pytest
import torch
from PIL import Image

from bench.evaluation.image_grids import grid_png


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_holds_every_image_at_its_place(channels):
    import io

    images = torch.randint(0, 256, (10, channels, 8, 8), dtype=torch.uint8)
    grid = np.asarray(Image.open(io.BytesIO(grid_png(images, columns=4, least_side=16))))
    assert grid.shape[:2] == (3 * 17 + 1, 4 * 17 + 1)
    fifth = grid[18:34:2, 18:34:2]  # second row, second column, every other pixel of the enlargement
    np.testing.assert_array_equal(fifth, images[5].permute(1, 2, 0).squeeze().numpy())
