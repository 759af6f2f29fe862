"""Statistics of real images: made once, kept, and made again if they cannot be used."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from bench.errors import UserError
from bench.evaluation.feature_network import load_extractor
from bench.evaluation.features import extract
from bench.evaluation.measures import CURVE, FINAL
from bench.evaluation.reference import References
from bench.io.files import Folder
from bench.metrics.frechet import frechet_distance, gaussian

CPU = torch.device("cpu")


def test_real_statistics_are_made_once_kept_and_readable_as_pytorch_fids(digits, references, tmp_path):
    first = references.get("test", "train", 500, FINAL)
    assert (first.n_floor, first.n_neighbours) == (500, 400)
    assert set(first.floors) == {"distance", "kernel", "kernel_se", "precision", "recall", "density", "coverage"}
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path.suffix in (".npz", ".json")}
    again = References(references.folder, references.extractor, digits, CPU).get("test", "train", 500, FINAL)
    assert len(written) == 3  # two sets of statistics, and the floors
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in written.items())
    assert again.floors == first.floors
    direct = references.extractor(torch.from_numpy(digits.images("test"))).double().numpy()
    statistics = np.load(next(path for path in written if path.name.endswith("-test.npz")))
    np.testing.assert_allclose(statistics["mu"], direct.mean(0), atol=1e-6)
    np.testing.assert_allclose(statistics["sigma"], np.cov(direct.T), atol=1e-5)
    assert again.features.gaussian.n == 400


def test_the_training_and_validation_images_are_one_reference(digits, references):
    reference = references.get("train_and_validation", "test", 200, CURVE)
    images = np.concatenate([digits.images("train"), digits.images("validation")])
    direct = gaussian(references.extractor(torch.from_numpy(images)))
    assert reference.features.gaussian.n == digits.counts["train"] + digits.counts["validation"]
    torch.testing.assert_close(reference.features.gaussian.mean, direct.mean)
    torch.testing.assert_close(reference.features.gaussian.covariance, direct.covariance, rtol=1e-4, atol=1e-6)


def test_floors_compare_as_many_training_images_as_are_generated(digits, references):
    extractor, images = references.extractor, torch.from_numpy(digits.images("train")[:200])
    test = gaussian(extractor(torch.from_numpy(digits.images("test"))))
    expected = frechet_distance(gaussian(extractor(images)), test)
    assert references.get("test", "train", 200, CURVE).floors["distance"] == pytest.approx(expected, rel=1e-6)
    assert set(references.get("test", "train", 200, CURVE).floors) == {"distance", "kernel", "kernel_se"}


@pytest.mark.parametrize("spoil", ["damage", "another extractor's"])
def test_statistics_that_are_damaged_or_of_another_extractor_are_made_again(references, tmp_path, capsys, spoil):
    expected = references.get("test", "train", 100, CURVE).features.gaussian.mean
    path = next(tmp_path.glob("*-test.npz"))
    if spoil == "damage":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        stored = dict(np.load(path)) | {"extractor_sha256": "0" * 64, "mu": np.ones(64)}
        np.savez(tmp_path / "other.npz", **stored)
        Folder(tmp_path).write(path.name, (tmp_path / "other.npz").read_bytes())
    recomputed = references.get("test", "train", 100, CURVE).features.gaussian.mean
    assert torch.equal(recomputed, expected)
    defect = {"damage": "is damaged", "another extractor's": "belongs to another extractor, other images"}[spoil]
    warning = capsys.readouterr().err
    assert warning.startswith(f"warning: {path} {defect}")
    assert warning.endswith("; computing it again\n")


@pytest.mark.parametrize("n", [20, 100, 300, 999, 1000, 5000])
def test_floors_are_of_exactly_as_many_images_as_there_are_or_as_are_generated(monkeypatch, references, n):
    for module in ("features", "reference"):
        monkeypatch.setattr(f"bench.evaluation.{module}.KEPT_IMAGES", 100)
    reference = references.get("test", "train", n, CURVE)
    assert reference.n_floor == min(n, 1000)
    images = torch.from_numpy(references.data.images("train")[:n])
    expected = frechet_distance(gaussian(references.extractor(images)), reference.features.gaussian)
    assert reference.floors["distance"] == pytest.approx(expected, rel=1e-5)


def test_fewer_real_images_than_the_metrics_need_are_refused(monkeypatch, references):
    monkeypatch.setattr("bench.evaluation.reference.MIN_IMAGES", 500)
    with pytest.raises(UserError, match="digits has 400 test images, but metrics need at least 500"):
        references.get("train", "test", 100, FINAL)


def test_two_that_want_one_reference_make_it_once(digits, stored, tmp_path, monkeypatch):
    """As in trials that start together: one computes, the others wait and read."""
    passes = []

    def counted(*arguments):
        passes.append(1)
        time.sleep(0.2)
        return extract(*arguments)

    monkeypatch.setattr("bench.evaluation.reference.extract", counted)

    def get(_: int) -> dict[str, float]:
        references = References(Folder(tmp_path), load_extractor(stored), digits, CPU)
        return references.get("test", "train", 1000, CURVE).floors

    with ThreadPoolExecutor(4) as pool:
        floors = list(pool.map(get, range(4)))
    assert floors == [floors[0]] * 4
    assert len(passes) == 2  # test and training images, once each
