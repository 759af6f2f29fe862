"""Memorisation against its definitions, and on generators that copy or do not."""

import math

import numpy as np
import pytest
import torch

from bench.metrics import memorisation as module
from bench.metrics.memorisation import memorisation, nearer, nearest_others


def cloud(n: int, seed: int, dim: int = 3) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(seed).randn(n, dim)).float()


def slow_memorisation(images: np.ndarray, training: np.ndarray, held_out: np.ndarray) -> dict[str, float]:
    """The definitions in the papers, by loops."""

    def to_nearest(x, others):
        return min((float(np.linalg.norm(x - other)), i) for i, other in enumerate(others))

    authentic = []
    for x in images:
        distance, i = to_nearest(x, training)
        gap, _ = to_nearest(training[i], np.delete(training, i, axis=0))
        authentic.append(gap < distance)
    d, e = ([to_nearest(x, training)[0] for x in part] for part in (images, held_out))
    pairs = [(a < b) + (a == b) / 2 for a in d for b in e]
    return {"authenticity": float(np.mean(authentic)), "copying": float(np.mean(pairs))}


@pytest.mark.parametrize(("n", "m", "k"), [(30, 20, 25), (12, 40, 10)])
def test_both_are_their_definitions(monkeypatch, n, m, k):
    monkeypatch.setattr(module, "ROWS", 7)
    images, training, held_out = cloud(m, 0), cloud(n, 1), cloud(k, 2)
    expected = slow_memorisation(*(x.double().numpy() for x in (images, training, held_out)))
    assert memorisation(images, training, held_out) == pytest.approx(expected)


def test_copies_of_training_images_are_never_authentic_even_far_from_the_origin_and_twice_in_the_data():
    training = 1000 + cloud(300, 0, dim=8)
    training = torch.cat([training, training[:20]])
    values = memorisation(training[torch.arange(0, 320, 3)], training, 1000 + cloud(100, 1, dim=8))
    assert values == {"authenticity": 0, "copying": 1}


def test_copies_with_little_noise_are_found_too():
    training = cloud(300, 0, dim=8)
    values = memorisation(training + 0.01 * cloud(300, 2, dim=8), training, cloud(300, 1, dim=8))
    assert values["authenticity"] < 0.02
    assert values["copying"] > 0.98


@pytest.mark.parametrize(
    ("dim", "expected"),
    [(1, 1 / 3), (2, 1 - 6 * math.pi / (8 * math.pi + 3 * math.sqrt(3))), (3, 1 - 16 / 27)],
)
def test_held_out_images_have_the_share_of_neighbours_that_are_not_mutual(dim, expected):
    """The limits for many points of any density: Cox, Biometrics 37, 1981."""
    random = np.random.RandomState(dim)
    training, held_out = (torch.from_numpy(random.rand(4000, dim)) for _ in range(2))
    values = memorisation(held_out, training, held_out)
    assert values["authenticity"] == pytest.approx(expected, abs=0.03)
    assert values["copying"] == pytest.approx(0.5)


def test_images_far_from_all_training_images_are_authentic_and_no_copies():
    assert memorisation(cloud(50, 0) + 100, cloud(80, 1), cloud(60, 2)) == {"authenticity": 1, "copying": 0}


def test_a_point_that_is_excluded_is_not_its_own_neighbour():
    x = torch.tensor([[0.0], [1.0], [3.0]])
    distances, nearest = nearest_others(x, x, itself=torch.arange(3))
    assert distances.tolist() == [1, 1, 2]
    assert nearest.tolist() == [1, 0, 1]


def test_equal_values_count_half():
    assert nearer(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 3.0])) == (1 + 1 + 0.5 + 1) / 4
