import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from bench.metrics.frechet import Gaussian, Moments, factor, frechet_distance, gaussian


def features(n: int, dim: int, seed: int, scale: float = 1.0, shift: float = 0.0) -> torch.Tensor:
    random = np.random.RandomState(seed)
    mixing = np.random.RandomState(seed + 99).randn(dim, dim)
    return torch.from_numpy(random.randn(n, dim) @ mixing * scale + shift)


def slow_frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Heusel et al., equation 6, as it is written."""
    root = sqrtm(np.cov(a.T) @ np.cov(b.T)).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root))


def test_moments_in_batches_are_numpys_mean_and_covariance():
    x = features(101, 6, 0)
    moments = Moments(6)
    for batch in x.split(17):
        moments.add(batch)
    fitted = moments.gaussian()
    assert fitted.n == 101
    np.testing.assert_allclose(fitted.mean, x.numpy().mean(0))
    np.testing.assert_allclose(fitted.covariance, np.cov(x.numpy().T))


@pytest.mark.parametrize("dim", [1, 5, 64])
def test_the_frechet_distance_matches_the_matrix_square_root(dim):
    a, b = features(300, dim, 0), features(200, dim, 1, scale=1.5, shift=0.3)
    if dim == 1:  # closed form in one dimension
        expected = float((a.mean() - b.mean()) ** 2 + (a.std() - b.std()) ** 2)
    else:
        expected = slow_frechet(a.numpy(), b.numpy())
    assert frechet_distance(gaussian(a), gaussian(b)) == pytest.approx(expected, rel=1e-6)


def test_the_frechet_distance_is_zero_on_itself_symmetric_and_invariant_under_rotation():
    a, b = gaussian(features(50, 8, 0)), gaussian(features(60, 8, 1))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)
    rotation = torch.linalg.qr(features(8, 8, 5)).Q
    turned = [gaussian(features(n, 8, seed) @ rotation) for n, seed in ((50, 0), (60, 1))]
    assert frechet_distance(*turned) == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_fewer_samples_than_features_and_collapsed_generators_give_exact_values():
    a, point = features(10, 32, 0), torch.ones(20, 32, dtype=torch.float64)
    assert frechet_distance(gaussian(a), gaussian(a)) == pytest.approx(0, abs=1e-6)
    # Against a point mass the distance is the squared gap of the means plus the total variance.
    expected = float((a.mean(0) - 1).square().sum() + a.var(0).sum())
    for pair in ((a, point), (point, a)):
        assert frechet_distance(*map(gaussian, pair)) == pytest.approx(expected, rel=1e-9)


def test_two_rank_deficient_covariances_on_one_line_have_the_closed_form():
    """Along one direction the distance is that of one dimension, whatever the number of features."""
    direction = torch.nn.functional.normalize(features(1, 40, 3), dim=1)
    x, y = features(30, 1, 0), features(50, 1, 1, scale=3)
    expected = float((x.mean() - y.mean()) ** 2 + (x.std() - y.std()) ** 2)
    assert frechet_distance(gaussian(x * direction), gaussian(y * direction)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n", [5, 100])
def test_the_factor_gives_the_covariance_back_of_full_rank_or_not(n):
    covariance = gaussian(features(n, 20, 0)).covariance
    root = factor(covariance)
    assert root.shape == (20, min(20, n - 1))
    np.testing.assert_allclose(root @ root.T, covariance, atol=1e-9)


def test_features_that_are_not_finite_give_nan_not_an_exception():
    bad = features(10, 4, 0)
    bad[3, 2] = torch.nan
    assert np.isnan(frechet_distance(gaussian(bad), gaussian(features(10, 4, 1))))


def test_scales_apart_by_many_orders_keep_their_precision():
    """A covariance that Cholesky accepts, though its smallest variance is 1e-14 of the greatest."""
    scales = torch.logspace(0, -7, 8, dtype=torch.float64)
    a = Gaussian(100, torch.zeros(8, dtype=torch.float64), torch.diag(scales.square()))
    b = Gaussian(100, torch.zeros(8, dtype=torch.float64), torch.diag(4 * scales.square()))
    assert frechet_distance(a, b) == pytest.approx(float(scales.square().sum()), rel=1e-9)  # (2s - s)^2 each
