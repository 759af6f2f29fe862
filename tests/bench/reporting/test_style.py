"""Colours and markers of methods."""


def test_a_method_looks_the_same_everywhere_and_like_no_other_of_the_tree():
    from bench.reporting.style import colour_and_marker, configured_looks
    from methods import METHODS

    assert set(configured_looks()) <= set(METHODS)
    assert len({colour_and_marker(name) for name in METHODS}) == len(METHODS)
    assert colour_and_marker("somebodys_own") == colour_and_marker("somebodys_own")
