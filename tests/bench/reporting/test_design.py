"""What a design can show is said before it is trained."""

import math

import numpy as np
import pytest
from scipy import stats

from bench.analysis import power
from bench.reporting import design


def test_a_design_that_can_never_be_significant_is_said_to_be_one():
    """16 variants of 5 seeds: 15 comparisons with a baseline take 6 seeds, and 120 pairs take 8."""
    against, pairs, _ = design.sentences([f"m{i}" for i in range(16)], 5, 0.05)
    none = "5 seeds cannot make any difference significant in"
    assert against == f"{none} 15 comparisons with the baseline: that takes 6."
    assert pairs == f"{none} all 120 pairs: that takes 8."
    assert 2 * 15 / math.comb(10, 5) > 0.05 >= 2 * 15 / math.comb(12, 6)
    assert 2 * 120 / math.comb(14, 7) > 0.05 >= 2 * 120 / math.comb(16, 8)


def test_a_design_that_can_be_says_what_it_finds():
    against, found = design.sentences(["moco", "mmd"], 6, 0.05, spread=0.07)
    assert against == (
        "6 seeds can make a clear difference significant in 1 comparison with the baseline "
        "(adjusted p as low as 0.0022)."
    )
    assert found.startswith("If distances spread by 7.0% over seeds (as seen so far), 6 seeds find a difference of 12%")
    assert "(assumed)" in design.sentences(["moco", "mmd"], 6, 0.05)[-1]


def test_one_variant_has_nothing_to_be_compared_with():
    assert design.sentences(["moco"], 6, 0.05) == []


def test_methods_with_several_settings_are_compared_over_them():
    labels = [f"{method}[weight={k}]" for method in ("moco", "mmd") for k in range(5)]
    (line,) = design.sentences(labels, 2, 0.05)
    assert line.startswith("5 settings can make a clear difference significant in 1 comparison")


def test_methods_with_several_settings_are_compared_over_seeds_too_if_they_have_defaults():
    labels = [f"{method}[weight={k}]" for method in ("moco", "mmd") for k in range(5)] + ["moco", "mmd", "vae"]
    over, against, pairs, _ = design.sentences(labels, 5, 0.05)
    assert over.startswith("6 settings can make a clear difference significant in 1 comparison with the baseline")
    assert against.startswith("5 seeds can make a clear difference significant in 2 comparisons with the baseline")
    assert "in all 3 pairs" in pairs


def test_a_few_settings_are_variants_like_others():
    """As claims do, which compare three settings of one method with another method over seeds."""
    labels = [f"moco[temperature={t}]" for t in (0.05, 0.1, 0.2)] + ["mmd"]
    against, *_ = design.sentences(labels, 2, 0.05)
    assert against == "2 seeds cannot make any difference significant in 3 comparisons with the baseline: that takes 5."


def test_settings_of_one_method_alone_are_variants_too():
    labels = [f"moco[temperature={t}]" for t in (0.05, 0.1, 0.2, 0.5)] + ["mmd"]
    against, *_ = design.sentences(labels, 10, 0.05)
    assert against.startswith("10 seeds can make a clear difference significant in 4 comparisons with the baseline")


@pytest.mark.parametrize("comparisons", [1, 5])
def test_the_stated_difference_is_found_in_four_of_five_cases(comparisons):
    random, n = np.random.default_rng(0), 30
    difference = power.detectable(0.1, n, comparisons)
    a, b = random.normal(0, 0.1, (1000, n)), random.normal(difference, 0.1, (1000, n))
    found = stats.ttest_ind(a, b, axis=1).pvalue <= power.LEVEL / comparisons
    assert 0.74 < found.mean() < 0.84
