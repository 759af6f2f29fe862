"""Latent diagnostics against exact values and slow references, and on codes whose defects are known."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import chi, kstest, wasserstein_distance

from bench.metrics import latent
from methods.functional import mmd, sliced_distance
from methods.priors import PRIORS, Normal, Sphere


def seeded(seed: int = 0):
    torch.manual_seed(seed)


@pytest.mark.parametrize("prior", [Normal(8), Sphere(8)], ids=["normal", "sphere"])
def test_samples_of_the_prior_pass_every_question(prior):
    seeded()
    codes = prior.sample(1000)
    values = latent.diagnose(codes, prior, 0)
    assert abs(values["latent_mmd"]) < 0.01
    assert values["latent_sliced_wasserstein"] == pytest.approx(values["latent_sliced_wasserstein_prior"], rel=0.3)
    assert values["latent_active_dims"] == 8
    assert values["latent_effective_rank"] == pytest.approx(8, abs=0.1)
    tests = latent.two_sample_tests(codes, prior, 0)
    assert tests["latent_mmd_p"] > 0.05
    assert tests["latent_c2st"] == pytest.approx(0.5, abs=0.06)


DEFECTS = {
    "shifted": lambda z: z + 0.7,
    "shrunk": lambda z: 0.6 * z,
    "collapsed": lambda z: torch.ones_like(z),
    "flat": lambda z: torch.cat([z[:, :4], torch.zeros_like(z[:, 4:])], dim=1),
}


# Projected onto the sphere, shrunk codes are where they were.
@pytest.mark.parametrize(
    ("prior", "defect"),
    [(Normal(8), defect) for defect in DEFECTS] + [(Sphere(8), defect) for defect in DEFECTS if defect != "shrunk"],
    ids=lambda value: getattr(value, "name", value),
)
def test_codes_that_miss_the_prior_fail_all_three_tests(prior, defect):
    seeded()
    codes = prior.project(DEFECTS[defect](prior.sample(600)))
    values = latent.diagnose(codes, prior, 0)
    assert values["latent_mmd"] > 5 * abs(values["latent_mmd_prior"])
    assert values["latent_sliced_wasserstein"] > 2 * values["latent_sliced_wasserstein_prior"]
    tests = latent.two_sample_tests(codes, prior, 0)
    assert tests["latent_mmd_p"] == pytest.approx(1 / (1 + latent.PERMUTATIONS))
    assert tests["latent_c2st"] > 0.65
    if isinstance(prior, Sphere):
        assert values["latent_uniformity_excess"] > 5 * abs(values["latent_uniformity_excess_prior"])


def test_norms_and_means_are_those_of_the_chi_distribution():
    seeded()
    values = latent.diagnose(Normal(5).sample(1500), Normal(5), 0)
    assert values["latent_norm"] == pytest.approx(chi(5).mean(), rel=0.03)
    assert values["latent_norm_sd"] == pytest.approx(chi(5).std(), rel=0.08)
    assert values["latent_mean_norm"] == pytest.approx(chi(5).mean() / math.sqrt(1500), rel=0.8)
    assert "latent_uniformity_excess" not in values


def test_rank_counts_directions_whichever_way_they_point():
    seeded()
    rotation = torch.linalg.qr(torch.randn(6, 6)).Q
    codes = torch.cat([torch.randn(2000, 3), 1e-3 * torch.randn(2000, 3)], dim=1) @ rotation
    values = latent.diagnose(codes, Normal(6), 0)
    assert values["latent_active_dims"] == 3
    assert values["latent_effective_rank"] == pytest.approx(3, abs=0.05)
    assert float(latent.effective_rank(torch.tensor([1.0, 1, 1, 1]))) == pytest.approx(4)
    assert float(latent.effective_rank(torch.tensor([2.0, 0, 0, 0]))) == pytest.approx(1)
    assert float(latent.effective_rank(torch.zeros(3))) == 0


def test_the_spectrum_is_of_the_singular_values():
    codes = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    expected = np.linalg.svd(codes.double().numpy() - codes.double().numpy().mean(0), compute_uv=False) ** 2 / 49
    np.testing.assert_allclose(latent.eigenvalues(codes).numpy(), expected[::-1], rtol=1e-9)


def test_the_p_value_is_uniform_where_the_prior_is_matched():
    seeded()
    prior = Normal(2)
    values = [latent.mmd_p_value(prior.sample(30), prior.sample(30), 4.0, permutations=99) for _ in range(200)]
    assert kstest(values, "uniform").pvalue > 0.01


def test_the_p_value_counts_permutations_whose_mmd_is_as_great(monkeypatch):
    """The statistic of every permutation, computed by shuffling and `mmd` itself."""
    seeded()
    prior, codes = Normal(2), Normal(2).sample(12) + 0.6
    samples, orders = prior.sample(12), [torch.randperm(24) for _ in range(50)]
    left = iter(orders)
    monkeypatch.setattr(torch, "randperm", lambda _: next(left))
    p_value = latent.mmd_p_value(codes, samples, prior.squared_distance, permutations=50)
    pooled = torch.cat([codes, samples])
    shuffled = [mmd(pooled[order < 12], pooled[order >= 12], prior.squared_distance) for order in orders]
    observed = mmd(codes, samples, prior.squared_distance)
    assert p_value == (1 + sum(bool(value >= observed) for value in shuffled)) / 51
    assert 1 / 51 < p_value < 0.5


def test_the_baseline_is_computed_once_for_all_evaluations_of_a_trial(monkeypatch):
    compared, original, prior = [], latent.compare, Normal(4)
    monkeypatch.setattr(latent, "compare", lambda codes, *rest: compared.append(codes) or original(codes, *rest))
    values = [latent.diagnose(torch.randn(50, 4), prior, 0) for _ in range(3)]
    assert len(compared) == 1 + 3
    assert values[0]["latent_mmd_prior"] == values[2]["latent_mmd_prior"] != 0
    assert values[0]["latent_mmd"] != values[2]["latent_mmd"]
    fewer = latent.diagnose(torch.randn(40, 4), prior, 0)
    assert fewer["latent_mmd_prior"] != values[0]["latent_mmd_prior"]


def test_the_sliced_distance_of_one_dimension_is_scipys():
    x, y = torch.randn(40, 1), 2 * torch.randn(40, 1) + 1
    expected = np.mean((np.sort(x.numpy()[:, 0]) - np.sort(y.numpy()[:, 0])) ** 2)
    assert float(sliced_distance(x, y, 16)) == pytest.approx(float(expected), rel=1e-5)
    shift = float(sliced_distance(x, x + 3, 16))
    assert shift == pytest.approx(9, rel=1e-5)
    assert shift**0.5 == pytest.approx(wasserstein_distance(x[:, 0].numpy(), x[:, 0].numpy() + 3), rel=1e-5)


def test_the_sliced_distance_of_a_shift_is_its_square_over_the_dimensions():
    seeded()
    x = torch.randn(10, 7)
    gap = torch.randn(7)
    assert float(sliced_distance(x, x + gap, 20000)) == pytest.approx(float(gap.square().sum()) / 7, rel=0.05)


@pytest.mark.parametrize("prior", list(PRIORS.values()), ids=list(PRIORS))
def test_every_method_is_asked_with_the_same_draws_whatever_the_generator_did_before(prior):
    """So that rows of chance are equal, and the p-value is of the very samples behind the MMD."""
    seeded()
    codes, others = prior(4).sample(50), prior(4).sample(50)
    before = torch.get_rng_state()
    first = latent.diagnose(codes, prior(4), 7)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    assert latent.diagnose(codes, prior(4), 7) == first
    chance = {name: value for name, value in first.items() if name.endswith("_prior")}
    assert chance.items() <= latent.diagnose(others, prior(4), 7).items()
    samples = latent.prior_samples(prior(4), 50, codes.device, 7)
    torch.manual_seed(7)
    assert first["latent_sliced_wasserstein"] == float(sliced_distance(codes, samples, latent.SLICES).sqrt())
    assert first["latent_mmd"] == float(mmd(codes, samples, prior(4).squared_distance))
    assert not torch.equal(latent.prior_samples(prior(4), 50, codes.device, 8), samples)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_codes_that_are_not_finite_have_no_answer_rather_than_an_error(value):
    codes = torch.randn(50, 4)
    codes[3, 1] = value
    values = latent.diagnose(codes, Normal(4), 0) | latent.two_sample_tests(codes, Normal(4), 0)
    for name, answer in values.items():
        assert math.isnan(answer) != name.endswith("_prior"), name


def test_columns_lists_every_measure_of_codes():
    """A metric of a plug-in must not take one of these names."""
    prior = Sphere(3)
    samples = prior.sample(40)
    found = {*latent.diagnose(samples, prior, 0), *latent.two_sample_tests(samples, prior, 0)}
    elsewhere = {"latent_probe", "latent_over_chance"}
    assert {name for name in found if not name.endswith("_prior")} | elsewhere == latent.COLUMNS
