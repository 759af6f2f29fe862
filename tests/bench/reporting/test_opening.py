"""The first lines of a report: how much was trained, what distance and target are."""

from dataclasses import replace

from groups import group_of, three_seeds

from bench.reporting.opening import paragraph


def test_the_first_lines_define_what_the_verdict_speaks_of():
    text = paragraph(group_of(*three_seeds()))
    assert text.startswith("digits: 1 variant, 3 seeds each, 3 trials.")
    assert "Fréchet distance between 1,000 images from the prior and 400 test images" in text
    assert "features of a classifier that was trained here. Lower is better." in text
    assert "*Target*: a `fd_classifier_1k` of at most 20 (chosen afterwards" in text


def test_without_measurements_there_is_only_the_size():
    rows, trials = three_seeds(states=("failed", "failed", "failed"))
    group = replace(group_of(rows.head(0), trials))
    assert paragraph(group) == "digits: 1 variant, 3 seeds each, 3 trials."
