"""Every formula against a slow reference, an exact value, or an invariance."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import hyp0f1
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from methods import functional as f
from methods.priors import PRIORS, Sphere


def points(n: int, dim: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))


def sphere(n: int, dim: int, seed: int = 0) -> torch.Tensor:
    return normalize(points(n, dim, seed), dim=1)


def test_squared_error_sums_over_pixels_and_averages_over_images():
    x, y = torch.rand(3, 2, 4, 4), torch.rand(3, 2, 4, 4)
    slow = sum(float((a - b) ** 2) for a, b in zip(x.flatten(), y.flatten(), strict=True)) / 3
    assert f.squared_error(x, y).item() == pytest.approx(slow, rel=1e-5)


def test_squared_distances_match_cdist_and_are_never_negative():
    x, y = points(7, 5), points(4, 5, seed=1)
    torch.testing.assert_close(f.squared_distances(x, y), torch.cdist(x.double(), y.double()).square().float())
    assert f.squared_distances(x * 1e3, x * 1e3).min() >= 0


WAE_SCALES = (0.1, 0.2, 0.5, 1, 2, 5, 10)


def slow_mmd(x: np.ndarray, y: np.ndarray, base: float, scales: tuple[float, ...]) -> float:
    """Algorithm 2 of the WAE paper as it is written: sums over i != j within, over all i, j across."""

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return sum(s * base / (s * base + ((a - b) ** 2).sum()) for s in scales)

    n = len(x)
    within = sum(kernel(x[i], x[j]) + kernel(y[i], y[j]) for i, j in product(range(n), repeat=2) if i != j)
    across = sum(kernel(a, b) for a, b in product(x, y))
    return within / (n * (n - 1)) - 2 * across / n**2


@pytest.mark.parametrize("prior", PRIORS)
def test_mmd_matches_the_double_loop(prior):
    scale = PRIORS[prior](3).squared_distance
    x, y = points(6, 3), points(6, 3, seed=1)
    for arguments, scales in (((), WAE_SCALES), ([(1.0,)], (1.0,))):
        slow = slow_mmd(x.double().numpy(), y.double().numpy(), scale, scales)
        assert f.mmd(x, y, scale, *arguments).item() == pytest.approx(slow, abs=1e-5)


@pytest.mark.parametrize("name", PRIORS)
def test_mmd_is_unbiased_on_the_prior_and_sees_every_departure(name):
    torch.manual_seed(0)
    prior = PRIORS[name](8)
    null = torch.stack([f.mmd(prior.sample(64), prior.sample(64), prior.squared_distance) for _ in range(400)])
    assert abs(null.mean()) < 4 * null.std() / math.sqrt(len(null))
    shifted, collapsed = prior.sample(64) + 0.5, prior.sample(64) * 0.1
    for codes in (shifted, collapsed):
        assert f.mmd(codes, prior.sample(64), prior.squared_distance) > null.max()


def test_the_kernel_scale_of_each_prior_is_its_mean_squared_distance():
    torch.manual_seed(0)
    for prior in (PRIORS["normal"](6), PRIORS["sphere"](6)):
        mean = f.squared_distances(prior.sample(2000), prior.sample(2000)).mean().item()
        assert mean == pytest.approx(prior.squared_distance, rel=0.03)


def test_info_nce_is_the_cross_entropy_of_the_positive():
    q, k, negatives = sphere(5, 4), sphere(5, 4, seed=1), sphere(9, 4, seed=2)
    logits = torch.cat([(q @ k.T).diag()[:, None], q @ negatives.T], dim=1) / 0.3
    expected = cross_entropy(logits, torch.zeros(5, dtype=torch.long))
    torch.testing.assert_close(f.info_nce(q, k, negatives, 0.3), expected)


def test_info_nce_does_not_overflow_at_small_temperatures():
    assert f.info_nce(sphere(5, 4), sphere(5, 4), sphere(9, 4, seed=2), 1e-3).isfinite()


def test_uniformity_matches_the_loop_over_pairs():
    z = sphere(6, 3)
    pairs = [math.exp(-2 * float((a - b).square().sum())) for i, a in enumerate(z) for j, b in enumerate(z) if i != j]
    assert f.uniformity(z).item() == pytest.approx(math.log(sum(pairs) / len(pairs)), rel=1e-5)


@given(b=st.floats(0.5, 200), z=st.floats(0, 1e4))
def test_log_0f1_matches_scipy_where_scipy_does_not_overflow(b, z):
    reference = hyp0f1(b, z)
    if np.isfinite(reference):
        assert f.log_0f1(b, z) == pytest.approx(math.log(reference), rel=1e-9, abs=1e-9)


def test_log_0f1_follows_its_asymptote_where_scipy_overflows():
    # 0F1(; 3/2; z) = sinh(2 sqrt z) / (2 sqrt z), so its log is 2 sqrt z - log(4 sqrt z) for large z.
    z = 1e7
    assert f.log_0f1(1.5, z) == pytest.approx(2 * math.sqrt(z) - math.log(4 * math.sqrt(z)), rel=1e-12)


@pytest.mark.parametrize(("dim", "published"), [(64, -3.875), (128, -3.9375)])
def test_the_floor_of_uniformity_is_the_value_of_uniform_points(dim, published):
    assert f.uniformity_floor(dim) == pytest.approx(published, abs=1e-3)
    assert f.uniformity(sphere(3000, dim)).item() == pytest.approx(f.uniformity_floor(dim), abs=5e-3)


@pytest.mark.parametrize(("dim", "temperature"), [(8, 0.5), (64, 0.2)])
def test_the_floor_of_info_nce_is_reached_by_uniform_points_with_identical_positives(dim, temperature):
    z, negatives = sphere(500, dim), sphere(20000, dim, seed=1)
    floor = f.info_nce_floor(dim, len(negatives), temperature)
    assert f.info_nce(z, z, negatives, temperature).item() == pytest.approx(floor, abs=5e-3)


def test_the_floor_of_info_nce_is_finite_at_small_temperatures_and_grows_with_the_queue():
    assert 0 <= f.info_nce_floor(64, 1000, 0.01) < 1e-6
    assert f.info_nce_floor(64, 30000, 0.1) > f.info_nce_floor(64, 3000, 0.1)


def test_frozen_gives_the_same_output_and_no_gradient_to_parameters():
    module, x = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1)), torch.randn(5, 3, requires_grad=True)
    output = f.frozen(module, x)
    torch.testing.assert_close(output, module(x))
    output.sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert all(p.grad is None for p in module.parameters())


def test_ema_moves_parameters_and_running_statistics():
    old, new = nn.BatchNorm2d(2), nn.BatchNorm2d(2)
    nn.init.constant_(new.weight, 3.0)
    new(torch.randn(8, 2, 3, 3) + 5)
    f.ema_(old, new, 0.9)
    torch.testing.assert_close(old.weight, torch.full((2,), 0.9 * 1 + 0.1 * 3))
    assert old.running_mean is not None
    assert new.running_mean is not None
    torch.testing.assert_close(old.running_mean, 0.1 * new.running_mean)
    assert old.num_batches_tracked == 1


def test_the_sphere_projects_to_unit_length_and_its_samples_are_uniform():
    torch.manual_seed(0)
    prior = Sphere(5)
    z = prior.sample(20000)
    torch.testing.assert_close(z.norm(dim=1), torch.ones(20000))
    torch.testing.assert_close(z.T @ z / 20000, torch.eye(5) / 5, atol=5e-3, rtol=0)
    assert z.mean(0).abs().max() < 0.02
    torch.testing.assert_close(prior.project(z * 7), z)
