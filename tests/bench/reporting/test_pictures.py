"""Pictures fit their budget."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from bench.reporting.pictures import fitted, quarter


def noise(size: int, channels: int = 3) -> bytes:
    """A PNG that cannot be compressed."""
    pixels = np.random.RandomState(0).randint(0, 256, (size, size, channels), np.uint8).squeeze()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def content(uri: str) -> bytes:
    return base64.b64decode(uri.partition(",")[2])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_is_unchanged_if_it_fits_and_else_smaller(channels):
    png = noise(300, channels)
    assert content(fitted(png, len(png))) == png
    for most in (50_000, 5_000):
        reduced = content(fitted(png, most))
        assert len(reduced) <= most
        assert Image.open(io.BytesIO(reduced)).format == "JPEG"


def test_a_picture_is_never_reduced_beyond_recognition():
    assert max(Image.open(io.BytesIO(content(fitted(noise(300), 1)))).size) > 40


def test_a_quarter_holds_the_first_images_and_their_frame():
    assert Image.open(io.BytesIO(quarter(noise(20)))).size == (11, 11)
