"""Colours and markers of methods, and text in figures."""

import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest


def test_a_method_looks_the_same_everywhere_and_like_no_other_of_the_tree():
    from bench.reporting.style import colour_and_marker, configured_looks
    from methods import METHODS

    assert set(configured_looks()) <= set(METHODS)
    assert len({colour_and_marker(name) for name in METHODS}) == len(METHODS)
    assert colour_and_marker("somebodys_own") == colour_and_marker("somebodys_own")


@pytest.mark.draws
@pytest.mark.parametrize("label", ["$^$", "_hidden", r"a$\frac{$", "100% & _x_"])
def test_every_label_is_in_the_legend_as_it_is(label, tmp_path):
    from bench.reporting.style import STYLE, legend_text, save

    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots()
        axes.plot([1, 2], label=legend_text(label))
        axes.set_title(label)
        axes.set_xticks([0], [label])
        legend = figure.legend()
        save(figure, tmp_path / "figure")
    assert [text.get_text().strip() for text in legend.get_texts()] == [label]


@pytest.mark.parametrize(("low", "high"), [(3, 5), (1, 20), (300, 40_000), (0.01, 10), (0.0002, 60), (1e-6, 1e3)])
def test_the_labels_of_a_logarithmic_axis_do_not_overlap(low, high):
    from bench.reporting.style import logarithmic

    figure, axes = plt.subplots(figsize=(3.6, 3), layout="constrained")
    axes.set(xscale="log", xlim=(low, high))
    logarithmic(axes.xaxis)
    figure.draw_without_rendering()
    labels = [label.get_window_extent() for label in axes.get_xticklabels() if low <= label.get_position()[0] <= high]
    plt.close(figure)
    assert len(labels) >= 2
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(labels))


def test_a_long_label_is_not_broken_inside_a_number():
    from bench.reporting.style import wrapped

    lines = wrapped("spherical_sliced[learning_rate=0.02188,weight=11.56]").splitlines()
    assert [line.strip() for line in lines] == ["spherical_sliced", "[learning_rate=0.02188,", "weight=11.56]"]
    assert wrapped("mmd[prior=sphere]") == "mmd[prior=sphere]"
