"""Image grids in memory."""

import io
import itertools
from types import SimpleNamespace
from typing import cast

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from bench.reporting import image_figures
from bench.reporting.group import Group
from bench.reporting.image_figures import LARGEST_SIDE, read_grid
from bench.store.folders import TrialFolder


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


def test_labels_of_samples_over_time_are_wrapped(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(image_figures, "save", lambda figure, _: drawn.append(figure))
    pixels = read_grid(png("L", (16, 16)))
    monkeypatch.setattr(image_figures, "_moments", lambda _: {1: pixels, 2: pixels})
    title = "moco[learning_rate=0.0004754,weight=0.9984,temperature=0.2311,queue_size=134,momentum=0.99]"
    trial = cast(TrialFolder, None)
    (figure,) = image_figures.over_time({title: trial, "mmd": trial}, tmp_path)
    assert figure.grids == 2
    (axes,) = drawn[0].axes
    texts = [text.get_window_extent() for text in axes.texts]
    assert len(texts) == 6
    assert not any(text.overlaps(image.get_window_extent()) for text in texts for image in axes.images)
    assert all(text.x0 >= 0 and text.x1 <= drawn[0].bbox.x1 and text.y1 <= drawn[0].bbox.y1 for text in texts)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(texts, 2))


def test_long_titles_lie_neither_on_grids_nor_outside_the_figure(tmp_path, monkeypatch):
    """Seven grids take two lines; a title of a search names every value of its point."""
    drawn = []
    monkeypatch.setattr(image_figures, "save", lambda figure, _: drawn.append(figure))
    (tmp_path / "grid.png").write_bytes(png("RGB", (8, 8)).getvalue())
    title = "moco[learning_rate=0.0004754,weight=0.9984,temperature=0.2311,queue_size=134,momentum=0.99]"
    extractor = SimpleNamespace(read_if_intact=lambda _: None, path=tmp_path)
    group = cast(Group, SimpleNamespace(folders=[SimpleNamespace(extractor=extractor)]))
    image_figures.overview(group, {f"{title}{i}": tmp_path / "grid.png" for i in range(7)}, tmp_path)
    (axes,) = drawn[0].axes
    texts = [text.get_window_extent() for text in axes.texts]
    images = [image.get_window_extent() for image in axes.images]
    assert (len(texts), len(images)) == (7, 7)
    assert not any(text.overlaps(image) for text in texts for image in images)
    assert all(text.y1 <= drawn[0].bbox.y1 and text.x0 >= 0 for text in texts)
