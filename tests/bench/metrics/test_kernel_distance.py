"""The kernel distance against its definition, written out slowly."""

import numpy as np
import pytest
import torch

from bench.metrics import kernel_distance as kernel
from bench.metrics.kernel_distance import kernel_distance


def cloud(n: int, seed: int, shift: float = 0.0, dim: int = 3) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(seed).randn(n, dim) + shift).float()


def slow_mmd(x: np.ndarray, y: np.ndarray) -> float:
    """Gretton et al. 2012, equation 3, with the kernel of Binkowski et al., by loops."""

    def k(a, b):
        return (a @ b / len(a) + 1) ** 3

    n, m = len(x), len(y)
    within_x = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_y = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within_x + within_y - 2 * sum(k(a, b) for a in x for b in y) / (n * m)


def whole_mmd(x: torch.Tensor, y: torch.Tensor) -> float:
    """`slow_mmd` without loops."""
    x, y = x.double().numpy(), y.double().numpy()
    (kx, ky, kxy), (n, m) = (((a @ b.T / x.shape[1] + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))), (len(x), len(y))
    return (kx.sum() - kx.trace()) / (n * (n - 1)) + (ky.sum() - ky.trace()) / (m * (m - 1)) - 2 * kxy.mean()


@pytest.mark.parametrize("subsets", [3, 200], ids=["few", "overlapping"])
@pytest.mark.parametrize(("n", "m"), [(12, 9), (9, 30), (300, 12)])
def test_the_kernel_distance_is_its_definition_on_every_subset(n, m, subsets, monkeypatch):
    """Few subsets are taken one by one; of many, all pairs are computed once, in blocks of rows."""
    monkeypatch.setattr(kernel, "ROWS", 5)
    x, y = cloud(n, 0), cloud(m, 1, 0.5)
    size = min(n, m) // 2
    torch.manual_seed(0)
    draws = [(torch.randperm(n)[:size], torch.randperm(m)[:size]) for _ in range(subsets)]
    slow = slow_mmd(*(part.double().numpy() for part in (x[draws[0][0]], y[draws[0][1]])))
    assert whole_mmd(x[draws[0][0]], y[draws[0][1]]) == pytest.approx(slow, rel=1e-12)
    values = [whole_mmd(x[i], y[j]) for i, j in draws]
    torch.manual_seed(0)
    mean, error = kernel_distance(x, y, subsets)
    assert mean == pytest.approx(np.mean(values), rel=1e-5)
    left_out = min(n, m) - size
    assert error == pytest.approx(np.std(values, ddof=1) * (size / left_out) ** 0.5, rel=1e-5)


def test_overlapping_subsets_compute_no_pair_twice(monkeypatch):
    computed, original = [], kernel.polynomial_kernel
    monkeypatch.setattr(kernel, "polynomial_kernel", lambda a, b: computed.append(len(a) * len(b)) or original(a, b))
    kernel_distance(cloud(1000, 0), cloud(400, 1))  # 100 subsets of 200 each: 4,000,000 pairs of each kind
    assert sum(computed) == 1000 * 1000 + 400 * 400 + 1000 * 400
    assert kernel.equivalent_pairs(1000, 400) == kernel.MEMBERSHIP * sum(computed)
    computed.clear()
    kernel_distance(cloud(3000, 0), cloud(40, 1))  # 100 subsets of 20: 40,000 pairs of each kind
    assert sum(computed) == 100 * 20**2 + 40**2 + 100 * 20**2
    assert kernel.equivalent_pairs(3000, 40) == 2 * 100 * 20**2 + kernel.MEMBERSHIP * 40**2


def test_the_kernel_distance_is_unbiased():
    """Of one distribution, it is zero on average: over many draws the mean is within three standard errors."""
    values = [kernel_distance(cloud(40, 2 * s), cloud(40, 2 * s + 1), subsets=2)[0] for s in range(400)]
    assert abs(np.mean(values)) < 3 * np.std(values) / 20
    assert min(values) < 0 < max(values)
    x, y = cloud(400, 0), cloud(400, 1, 0.3)
    torch.manual_seed(0)
    few, many = kernel_distance(x, y, subsets=25, size=50), kernel_distance(x, y, subsets=400, size=50)
    assert few[0] == pytest.approx(many[0], abs=few[1])
    assert many[0] == pytest.approx(whole_mmd(x, y), abs=many[1])


@pytest.mark.parametrize(("n", "m", "size"), [(200, 200, 100), (800, 800, 100), (800, 200, 100)])
def test_the_error_is_the_spread_over_independent_sets_of_images(n, m, size):
    """The error of a mean of independent subsets would be 5 to 10 times smaller."""
    results = [kernel_distance(cloud(n, 2 * s), cloud(m, 2 * s + 1, 0.5), size=size) for s in range(120)]
    spread = np.std([value for value, _ in results], ddof=1)
    assert np.mean([error for _, error in results]) == pytest.approx(spread, rel=0.35)


def test_subsets_are_never_more_than_half_of_what_there_is():
    x = cloud(10, 0)
    torch.manual_seed(0)
    mean, error = kernel_distance(x, x)
    assert np.isfinite(mean)
    assert error > 0
