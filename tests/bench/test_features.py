"""Kernel distance, precision, recall, density and coverage, each against its definition written out slowly."""

import numpy as np
import pytest
import torch

from bench.evaluation.kernel import kernel_distance, polynomial_mmd
from bench.evaluation.neighbours import COVERAGE_K, PRECISION_K, neighbours, radii


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


def test_the_kernel_distance_is_its_definition():
    x, y = cloud(12, 0), cloud(9, 1, 0.5)
    expected = slow_mmd(x.double().numpy(), y.double().numpy())
    assert float(polynomial_mmd(x, y)) == pytest.approx(expected, rel=1e-5)


def test_the_kernel_distance_is_unbiased_and_its_error_is_that_of_the_mean():
    """Of one distribution, it is zero on average: over many draws the mean is within three standard errors."""
    values = [float(polynomial_mmd(cloud(20, 2 * s), cloud(20, 2 * s + 1))) for s in range(400)]
    assert abs(np.mean(values)) < 3 * np.std(values) / 20
    assert min(values) < 0 < max(values)
    x, y = cloud(400, 0), cloud(400, 1, 0.3)
    torch.manual_seed(0)
    few, many = kernel_distance(x, y, subsets=25, size=50), kernel_distance(x, y, subsets=400, size=50)
    assert many[1] == pytest.approx(few[1] / 4, rel=0.4)
    assert few[0] == pytest.approx(many[0], abs=4 * few[1])
    assert many[0] == pytest.approx(float(polynomial_mmd(x, y)), abs=4 * many[1])


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
    monkeypatch.setattr("bench.evaluation.neighbours.ROWS", 7)  # so that several pieces are put together
    real, generated = cloud(n, 0), cloud(m, 1, shift)
    expected = slow_neighbours(real.double().numpy(), generated.double().numpy())
    assert neighbours(real, generated) == pytest.approx(expected)


def test_sets_far_apart_score_nothing_and_equal_sets_everything():
    real = cloud(50, 0)
    apart = neighbours(real, real + 100)
    assert apart == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}
    same = neighbours(real, real)
    assert (same["precision"], same["recall"], same["coverage"]) == (1, 1, 1)


def test_a_collapsed_generator_is_precise_but_recalls_nothing():
    """All images are one that looks real: the defect that a good precision alone would hide."""
    real = cloud(200, 0)
    found = neighbours(real, real[:1].repeat(200, 1))
    assert found["precision"] == 1
    assert found["recall"] <= 1 / 200
    assert found["coverage"] < 0.1


def test_radii_do_not_count_the_point_itself_even_among_duplicates():
    twice = torch.cat([cloud(6, 0), cloud(6, 0)])
    assert torch.equal(radii(torch.arange(8.0)[:, None])[PRECISION_K], torch.tensor([3.0, 2, 2, 2, 2, 2, 2, 3]))
    assert float(radii(torch.zeros(7, 2))[COVERAGE_K].max()) == 0
    assert (radii(twice)[PRECISION_K] > 0).all()
