"""Kernel distance, precision, recall, density and coverage, each against its definition written out slowly."""

import numpy as np
import pytest
import torch

from bench.metrics import kernel_distance as kernel
from bench.metrics.kernel_distance import kernel_distance
from bench.metrics.precision_recall import COVERAGE_K, PRECISION_K, neighbour_metrics, radii


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
    assert error == pytest.approx(np.std(values, ddof=1) / subsets**0.5, rel=1e-5)


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


def test_the_kernel_distance_is_unbiased_and_its_error_is_that_of_the_mean():
    """Of one distribution, it is zero on average: over many draws the mean is within three standard errors."""
    values = [kernel_distance(cloud(40, 2 * s), cloud(40, 2 * s + 1), subsets=2)[0] for s in range(400)]
    assert abs(np.mean(values)) < 3 * np.std(values) / 20
    assert min(values) < 0 < max(values)
    x, y = cloud(400, 0), cloud(400, 1, 0.3)
    torch.manual_seed(0)
    few, many = kernel_distance(x, y, subsets=25, size=50), kernel_distance(x, y, subsets=400, size=50)
    assert many[1] == pytest.approx(few[1] / 4, rel=0.4)
    assert few[0] == pytest.approx(many[0], abs=4 * few[1])
    assert many[0] == pytest.approx(whole_mmd(x, y), abs=4 * many[1])


def test_subsets_are_never_more_than_half_of_what_there_is():
    x = cloud(10, 0)
    torch.manual_seed(0)
    mean, error = kernel_distance(x, x)
    assert np.isfinite(mean)
    assert error > 0


def slow_neighbours(real: np.ndarray, generated: np.ndarray) -> dict[str, float]:
    """Kynkaanniemi et al., equations 1 and 2; Naeem et al., equations 5 and 6; by loops."""

    def radius(points, i, k):
        return sorted(np.linalg.norm(points[i] - points[j]) for j in range(len(points)) if j != i)[k - 1]

    def inside(point, centres, i, k):
        return np.linalg.norm(point - centres[i]) <= radius(centres, i, k)

    n, m = len(real), len(generated)
    return {
        "precision": np.mean([any(inside(y, real, i, PRECISION_K) for i in range(n)) for y in generated]),
        "recall": np.mean([any(inside(x, generated, j, PRECISION_K) for j in range(m)) for x in real]),
        "density": sum(inside(y, real, i, COVERAGE_K) for y in generated for i in range(n)) / (COVERAGE_K * m),
        "coverage": np.mean([any(inside(y, real, i, COVERAGE_K) for y in generated) for i in range(n)]),
    }


@pytest.mark.parametrize(("n", "m", "shift"), [(40, 40, 0.5), (25, 40, 1.5), (40, 15, 0.0)])
def test_precision_recall_density_and_coverage_are_their_definitions(monkeypatch, n, m, shift):
    monkeypatch.setattr("bench.metrics.precision_recall.ROWS", 7)  # so that several pieces are put together
    real, generated = cloud(n, 0), cloud(m, 1, shift)
    expected = slow_neighbours(real.double().numpy(), generated.double().numpy())
    assert neighbour_metrics(real, generated) == pytest.approx(expected)


def test_sets_far_apart_score_nothing_and_equal_sets_everything():
    real = cloud(50, 0)
    apart = neighbour_metrics(real, real + 100)
    assert apart == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}
    same = neighbour_metrics(real, real)
    assert (same["precision"], same["recall"], same["coverage"]) == (1, 1, 1)


def test_a_collapsed_generator_is_precise_but_recalls_nothing():
    """All images are one that looks real: the defect that a good precision alone would hide."""
    real = cloud(200, 0)
    metrics = neighbour_metrics(real, real[:1].repeat(200, 1))
    assert metrics["precision"] == 1
    assert metrics["recall"] <= 1 / 200
    assert metrics["coverage"] < 0.1


def test_radii_do_not_count_the_point_itself_even_among_duplicates():
    twice = torch.cat([cloud(6, 0), cloud(6, 0)])
    assert torch.equal(radii(torch.arange(8.0)[:, None])[PRECISION_K], torch.tensor([3.0, 2, 2, 2, 2, 2, 2, 3]))
    assert float(radii(torch.zeros(7, 2))[COVERAGE_K].max()) == 0
    assert (radii(twice)[PRECISION_K] > 0).all()
