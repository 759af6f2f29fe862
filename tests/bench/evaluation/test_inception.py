"""FID's network: the values of `python -m pytorch_fid`, and files that are none of its weights."""

import os
import re
import subprocess
import sys

import pytest
import scipy
import torch
from images import photographs
from PIL import Image

from bench.errors import UserError
from bench.evaluation import inception
from bench.evaluation.features import Features, extract
from bench.evaluation.inception import Inception
from bench.metrics.frechet import frechet_distance

CPU = torch.device("cpu")
PEER_BREAKS = tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 18)
needs_the_peer = pytest.mark.skipif(PEER_BREAKS, reason="pytorch-fid 0.3.0 calls sqrtm(disp=False): no scipy 1.18")


def features(extractor: Inception, images: torch.Tensor) -> Features:
    return extract(extractor, images.split(25), CPU)


def peer(folders: list[str], dim: int, weights) -> float:
    """What `python -m pytorch_fid` prints, with these weights in its cache."""
    command = [
        sys.executable,
        "-m",
        "pytorch_fid",
        *folders,
        "--dims",
        str(dim),
        "--device",
        "cpu",
        "--num-workers",
        "0",
    ]
    environment = os.environ | {"TORCH_HOME": str(weights.parent.parent.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(re.search(r"FID: +(\S+)", done.stdout)[1])


@needs_the_peer
@pytest.mark.slow
@pytest.mark.parametrize(("dim", "n"), [(192, 25), (2048, 60)], ids=["192", "2048"])
def test_parity_with_pytorch_fid_on_two_sets_of_real_images(inception_weights, tmp_path, dim, n):
    extractor = Inception.load(inception_weights, dim)
    sets = photographs(n)
    folders = []
    for name, images in zip("ab", sets, strict=True):
        folders.append(str(tmp_path / name))
        (tmp_path / name).mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(tmp_path / name / f"{i}.png")
    a, b = (features(extractor, images) for images in sets)
    ours = frechet_distance(a.gaussian, b.gaussian)
    assert ours > 1
    assert ours == pytest.approx(peer(folders, dim, inception_weights), rel=1e-4)
    altered = frechet_distance(features(extractor, sets[0] // 4).gaussian, b.gaussian)
    assert altered != pytest.approx(ours, rel=0.05)


def test_grey_images_count_as_colour_images_of_one_shade(inception_weights):
    extractor = Inception.load(inception_weights, 64)
    grey = photographs(2)[0][:, :1]
    torch.testing.assert_close(extractor(grey), extractor(grey.expand(-1, 3, -1, -1)))


def test_constant_images_give_a_finite_distance(inception_weights):
    extractor = Inception.load(inception_weights, 64)
    real = features(extractor, photographs(20, side=32)[0])
    grey = features(extractor, torch.full((20, 3, 32, 32), 128, dtype=torch.uint8))
    gap = (real.gaussian.mean - grey.gaussian.mean).square().sum()
    expected = float(gap + real.gaussian.covariance.trace())  # to a point
    assert frechet_distance(grey.gaussian, real.gaussian) == pytest.approx(expected, rel=1e-4)


def test_features_in_bf16_are_near_those_in_fp32(inception_weights):
    images = photographs(4)[0]
    exact, fast = (Inception.load(inception_weights, 64, precision)(images) for precision in ("fp32", "bf16"))
    assert fast.dtype == torch.float32
    torch.testing.assert_close(fast, exact, rtol=0.05, atol=0.02)
    assert not torch.equal(fast, exact)


def test_weights_are_found_where_they_are_given_named_or_cached(inception_weights, monkeypatch, tmp_path):
    with pytest.raises(UserError, match="cannot be downloaded"):
        inception.find_weights(None, download=True)
    with pytest.raises(UserError, match="not in torch's cache"):
        inception.find_weights(None, download=False)
    monkeypatch.setenv("TORCH_HOME", str(inception_weights.parent.parent.parent))
    assert inception.find_weights(None, download=False) == inception_weights
    monkeypatch.setenv(inception.WEIGHTS, str(tmp_path / "gone.pth"))
    with pytest.raises(UserError, match=r"cannot read .*gone\.pth"):
        inception.find_weights(None, download=True)
    monkeypatch.setenv(inception.WEIGHTS, str(inception_weights))
    assert inception.find_weights(None, download=False) == inception_weights
    with pytest.raises(UserError, match="cannot read"):
        inception.find_weights(
            tmp_path / "also-gone.pth", download=True
        )  # a named file has priority over the environment


def test_weights_that_are_truncated_or_of_another_network_are_refused(inception_weights, tmp_path):
    half = tmp_path / "half.pth"
    half.write_bytes(inception_weights.read_bytes()[:1_000_000])
    with pytest.raises(UserError, match=r"half\.pth is not a file of weights, or is truncated"):
        inception.find_weights(half, download=False)
    other = tmp_path / "other.pth"
    torch.save({"weight": torch.zeros(2)}, other)
    with pytest.raises(UserError, match=r"does not hold the weights of pytorch-fid's Inception"):
        inception.find_weights(other, download=False)
    wrong = torch.load(inception_weights, weights_only=True)
    wrong["Conv2d_1a_3x3.conv.weight"] = torch.zeros(32, 3, 5, 5)
    torch.save(wrong, other)
    with pytest.raises(UserError, match=r"do not fit.*Conv2d_1a_3x3\.conv\.weight"):
        Inception.load(other)


def test_weights_of_the_wrong_shape_are_refused_before_anything_is_trained(inception_weights, tmp_path):
    wrong = torch.load(inception_weights, weights_only=True)
    wrong["fc.weight"] = torch.zeros(1000, 2048)
    torch.save(wrong, tmp_path / "wrong.pth")
    with pytest.raises(UserError, match=r"fc\.weight"):
        inception.find_weights(tmp_path / "wrong.pth", download=False)
