"""Features of images."""

import torch

from bench.evaluation.features import extract

CPU = torch.device("cpu")


def test_features_beyond_the_first_are_only_summed(monkeypatch, references):
    monkeypatch.setattr("bench.evaluation.features.KEPT_IMAGES", 30)
    images = torch.randint(0, 256, (100, 1, 8, 8), dtype=torch.uint8)
    features = extract(references.extractor, images.split(40), CPU)
    assert (features.gaussian.n, len(features.values)) == (100, 30)
    torch.testing.assert_close(features.values, references.extractor(images[:30]))
