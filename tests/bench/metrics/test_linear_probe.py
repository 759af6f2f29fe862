"""The linear probe on codes whose information on labels is known."""

import math

import numpy as np
import pytest

from bench.metrics.linear_probe import chance, linear_probe

LABELS = np.arange(600) % 3
random = np.random.RandomState(0)


def test_separable_codes_are_read_without_error_whatever_their_scale():
    codes = np.eye(3)[LABELS] + 0.05 * random.randn(600, 3)
    for scale in (1e-3, 1, 1e3):
        assert linear_probe(scale * codes[:300], LABELS[:300], scale * codes[300:], LABELS[300:]) == 1


def test_codes_without_information_are_at_chance():
    codes = random.randn(6000, 3)
    labels = random.randint(0, 3, 6000)
    assert linear_probe(codes[:3000], labels[:3000], codes[3000:], labels[3000:]) == pytest.approx(1 / 3, abs=0.04)


def test_two_overlapping_classes_have_bayes_error():
    """Two unit Gaussians two standard deviations apart: the best accuracy is Phi(1)."""
    labels = np.arange(8000) % 2
    codes = random.randn(8000, 1) + 2 * labels[:, None]
    best = (1 + math.erf(1 / math.sqrt(2))) / 2
    assert linear_probe(codes[:4000], labels[:4000], codes[4000:], labels[4000:]) == pytest.approx(best, abs=0.02)


def test_a_ring_around_a_disc_is_not_linear():
    labels = np.arange(400) % 2
    angles, radii = random.rand(400) * 2 * math.pi, 0.2 + labels
    codes = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
    assert linear_probe(codes[:200], labels[:200], codes[200:], labels[200:]) < 0.65


def test_it_repeats_to_the_bit():
    codes = random.randn(300, 4)
    arguments = codes[:150], LABELS[:150], codes[150:], LABELS[150:300]
    assert linear_probe(*arguments) == linear_probe(*arguments)


def test_codes_that_are_not_finite_have_no_answer():
    codes = random.randn(30, 4)
    bad = np.where(np.arange(30)[:, None] == 3, np.nan, codes)
    assert math.isnan(linear_probe(bad, LABELS[:30], codes, LABELS[:30]))
    assert math.isnan(linear_probe(codes, LABELS[:30], bad, LABELS[:30]))


def test_chance_names_the_most_frequent_training_class():
    assert chance(np.array([2, 2, 0, 1]), np.array([2, 0, 1, 1, 2])) == 2 / 5


def test_training_images_of_one_class_are_no_error():
    assert linear_probe(random.randn(10, 2), np.ones(10, int), random.randn(4, 2), np.array([0, 1, 1, 1])) == 0.75
