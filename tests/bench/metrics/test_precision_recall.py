"""Precision, recall, density and coverage against their definitions, written out slowly."""

import numpy as np
import pytest
import torch

from bench.metrics.precision_recall import COVERAGE_K, PRECISION_K, neighbour_metrics, radii


def cloud(n: int, seed: int, shift: float = 0.0, dim: int = 3) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(seed).randn(n, dim) + shift).float()


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
    """All images are one that looks real: the defect that a good precision locked would hide."""
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
