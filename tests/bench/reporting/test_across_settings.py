"""Settings that differ between experiments: which they are, and how their values are placed on an axis."""

import matplotlib.pyplot as plt
import pandas as pd

from bench.reporting.across_settings import _panel, ordered_values, varied
from bench.reporting.style import line_styles


def test_settings_that_differ_have_a_value_for_every_protocol():
    protocols = [
        {"network": {"latent_dim": 8, "width": 4}, "training": {"train_images": None}},
        {"network": {"latent_dim": 32, "width": 4}, "training": {"train_images": 100}},
    ]
    assert varied(protocols) == {"network.latent_dim": [8, 32], "training.train_images": [None, 100]}


def test_numbers_are_placed_by_their_size():
    assert ordered_values(pd.Series([32, 8, 32, 10])) == ([8, 10, 32], True)
    assert ordered_values(pd.Series([0.1, 0.01])) == ([0.01, 0.1], True)


def test_words_are_placed_side_by_side():
    values, are_numbers = ordered_values(pd.Series(["cosine", "constant", "cosine"]))
    assert (set(values), are_numbers) == ({"constant", "cosine"}, False)


def test_few_values_of_a_setting_have_a_tick_each():
    values = {
        "network.latent_dim": [4, 8, 16],
        "mean": [3.0, 2.0, 1.0],
        "low": [2.0, 1.0, 0.5],
        "high": [4.0, 3.0, 2.0],
    }
    scores = pd.DataFrame({"method": "mmd", "variant": "mmd", **values})
    figure, axes = plt.subplots()
    _panel(axes, scores, "network.latent_dim", [], line_styles(scores))
    figure.canvas.draw()
    assert [label.get_text() for label in axes.get_xticklabels(which="both")] == ["4", "8", "16"]
    plt.close(figure)
