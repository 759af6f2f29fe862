"""The extrapolated Frechet distance on Gaussian features, whose exact distance is known."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.stats import linregress

from bench.metrics.frechet import Gaussian, frechet_distance, gaussian
from bench.metrics.frechet_limit import SEED, frechet_limit, intercept, subset_sizes

DIM = 16


def truth() -> tuple[Gaussian, Gaussian]:
    """A generator's exact moments, and those of real images."""
    scales = torch.linspace(0.5, 2, DIM, dtype=torch.float64)
    real = Gaussian(0, torch.zeros(DIM, dtype=torch.float64), torch.diag(scales.square()))
    return Gaussian(0, torch.full((DIM,), 0.1, dtype=torch.float64), 0.81 * real.covariance), real


def draws(n: int, seed: int) -> torch.Tensor:
    generated, _ = truth()
    noise = torch.randn(n, DIM, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return generated.mean + noise @ generated.covariance.sqrt()


def test_the_extrapolation_takes_most_of_the_bias_out():
    generated, real = truth()
    exact = frechet_distance(generated, real)
    # The scales differ by a tenth, the means by a tenth in each dimension.
    assert exact == pytest.approx(float(0.01 * real.covariance.trace() + 0.01 * DIM))
    sets = [draws(500, seed) for seed in range(20)]
    bias = np.mean([frechet_distance(gaussian(x), real) for x in sets]) - exact
    left = np.mean([frechet_limit(x, real) for x in sets]) - exact
    assert bias > 0.3 * exact
    assert abs(left) < bias / 4


def test_it_is_the_published_recipe_written_out_slowly():
    """Chong & Forsyth's procedure: distances of random subsets by the matrix square root, and a line through them."""
    _, real = truth()
    x, draw = draws(400, 0), torch.Generator().manual_seed(SEED)
    sizes = [round(n) for n in np.linspace(40, 400, 15)]
    distances = []
    for size in sizes:
        subset = x[torch.randperm(400, generator=draw)[:size]].numpy()
        covariance = np.cov(subset.T)
        root = sqrtm(covariance @ real.covariance.numpy()).real
        gap = np.square(subset.mean(0) - real.mean.numpy()).sum()
        distances.append(gap + np.trace(covariance + real.covariance.numpy() - 2 * root))
    expected = linregress([1 / size for size in sizes], distances).intercept
    assert frechet_limit(x, real) == pytest.approx(expected, rel=1e-6)


def test_sizes_are_the_papers_where_there_are_as_many_images_and_enough_per_feature_elsewhere():
    assert subset_sizes(50_000, 2048) == [int(np.rint(n)) for n in np.linspace(5000, 50_000, 15)]
    assert subset_sizes(1000, 64)[0] == 128
    assert subset_sizes(100, 64)[0] == 50
    assert subset_sizes(16, 64)[::14] == [8, 16]


def test_the_intercept_is_that_of_a_least_squares_line():
    x, y = [0.1, 0.2, 0.5, 0.9], [3.0, 1.0, 4.0, 1.5]
    assert intercept(x, y) == pytest.approx(linregress(x, y).intercept)
    assert intercept(x, [2 + 3 * each for each in x]) == pytest.approx(2)


def test_it_repeats_and_changes_no_generator():
    _, real = truth()
    x, state = draws(200, 0), torch.get_rng_state()
    assert frechet_limit(x, real) == frechet_limit(x, real)
    assert torch.equal(torch.get_rng_state(), state)


def test_features_that_are_not_finite_give_nan():
    x = draws(50, 0)
    x[3, 1] = math.inf
    assert math.isnan(frechet_limit(x, truth()[1]))
