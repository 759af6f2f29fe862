"""The networks that are trained here to compare images: what they learn, repeat, and rank rightly."""

from itertools import pairwise

import pytest
import torch
from project import ROOT, module_from

from bench.errors import UserError
from bench.evaluation.feature_network import Classifier, folded, load_extractor
from bench.evaluation.feature_training import rotated_randomly, train_extractor


def test_the_classifier_learns_and_is_the_same_each_time_whatever_the_seed_and_threads(digits, stored):
    torch.manual_seed(123)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(3)
    again = train_extractor(digits, "classifier", steps=150)
    assert torch.get_num_threads() == 3
    torch.set_num_threads(threads)
    assert again == stored
    assert torch.equal(torch.get_rng_state(), before)
    assert load_extractor(stored).accuracy > 0.95


@pytest.mark.parametrize("side", [4, 8, 28, 32, 48, 64, 100, 256])
def test_the_extractor_takes_images_of_every_size(side):
    network = Classifier((3, side, side), 10).eval()
    assert network(torch.zeros(2, 3, side, side)).shape == (2, 64)
    assert sum(p.numel() for p in network.parameters()) < 1e6


def test_folding_the_normalisation_changes_no_feature():
    network = Classifier((3, 20, 20), 10)
    network(torch.randn(50, 3, 20, 20))  # running statistics that are not the initial ones
    images = torch.randn(9, 3, 20, 20)
    expected = network.eval()(images)
    torch.testing.assert_close(folded(network)(images), expected, rtol=1e-4, atol=1e-5)


def test_turned_images_are_turned_by_as_many_quarters_as_is_said():
    torch.manual_seed(0)
    images = torch.randint(0, 256, (40, 3, 6, 6), dtype=torch.uint8)
    rotated, quarters = rotated_randomly(images)
    assert set(quarters.tolist()) == {0, 1, 2, 3}
    for before, after, k in zip(images, rotated, quarters.tolist(), strict=True):
        assert torch.equal(after, torch.rot90(before, k, (1, 2)))


def test_a_rotation_network_learns_what_is_up(digits):
    extractor = load_extractor(train_extractor(digits, "rotation", steps=200))
    assert (extractor.name, extractor.accuracy > 0.8) == ("rotation", True)
    features = extractor(torch.from_numpy(digits.images("test")))
    upright = extractor.network.head(features * extractor.std + extractor.mean).argmax(1) == 0
    assert upright.double().mean() > 0.8


def test_features_of_real_training_images_are_standardised(digits, stored):
    features = load_extractor(stored)(torch.from_numpy(digits.images("train")))
    alive = features.std(0) > 0
    assert alive.sum() > 32
    torch.testing.assert_close(features.mean(0), torch.zeros(64), atol=1e-4, rtol=0)
    torch.testing.assert_close(features.std(0)[alive], torch.ones(int(alive.sum())), atol=1e-3, rtol=0)


def test_files_that_are_no_extractor_are_refused():
    with pytest.raises(UserError, match="not an extractor"):
        load_extractor(b"nonsense")


damage = module_from(ROOT / "benchmarks" / "extractors.py")


@pytest.mark.slow
@pytest.mark.parametrize("kind", damage.DAMAGES)
def test_the_distance_rises_with_every_level_of_damage(digits, kind):
    """In strict order over five levels, for three extractors and draws of images (Heusel et al., figure 3, for FID)."""
    for seed in range(3):
        extractor = load_extractor(train_extractor(digits, "classifier", steps=600, seed=seed))
        assert extractor.accuracy >= 0.97
        distances = damage.distances(digits, extractor, kind, seed)
        assert len(distances) == 6
        assert all(lower < higher for lower, higher in pairwise(distances)), distances
