"""Transparent and grey images: counted, said, and part of the fingerprint only where there are any."""

import json

import numpy as np
import pytest
from images import numbered, write_idx
from PIL import Image
from specimens import make_request

from bench.data import preparation
from bench.data.sidecar import Conversions
from bench.data.writing import VERSION
from bench.io.files import Folder, file_sha256, sha256


def sprites(folder, count=40, alpha=0):
    """The same red square on a background of this alpha, with other colours below it in every image."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        pixels = np.random.RandomState(i).randint(0, 256, (8, 8, 4)).astype(np.uint8)
        pixels[..., 3] = alpha
        pixels[2:6, 2:6] = (255, 0, 0, 255)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return make_request("folder", folder, image_size=8)


def plain_fingerprint(request):
    """As every version before has computed it: without any choice."""
    hashes = [[path.name, file_sha256(path)] for path in sorted(request.root.glob("*.png"))]
    return sha256(json.dumps([VERSION, request.preprocessing.model_dump(), hashes]).encode())


def test_what_lies_below_transparent_pixels_is_not_prepared_and_the_images_are_counted(tmp_path, capsys):
    request = sprites(tmp_path / "sprites")
    expected = "warning: images with transparent pixels, which are put on white: 40"
    for _ in range(2):
        prepared = preparation.prepare(request)
        assert capsys.readouterr().err.splitlines() == [expected]
    images = prepared.images("train")
    assert (images[:, :, :2] == 255).all()
    assert images.std(0).max() == 0
    assert f"warning: {preparation.locate(request).notes[0]}" == expected
    assert prepared.fingerprint != plain_fingerprint(request)


@pytest.mark.parametrize("kind", ["opaque", "without alpha"])
def test_sets_that_nothing_is_converted_in_keep_their_fingerprints(tmp_path, kind, capsys):
    if kind == "opaque":
        request = sprites(tmp_path / "images", alpha=255)
    else:
        numbered(tmp_path / "images", 40)
        request = make_request("folder", tmp_path / "images", image_size=8)
    prepared = preparation.prepare(request)
    assert prepared.fingerprint == plain_fingerprint(request)
    assert prepared.sidecar.conversions == Conversions()
    assert capsys.readouterr().err == ""


def test_a_set_of_an_older_version_is_used_unless_it_would_be_prepared_otherwise(tmp_path):
    """Older versions recorded no conversions, and prepared what lies below transparent pixels."""
    for name, alpha in (("opaque", 255), ("transparent", 0)):
        request = sprites(tmp_path / name, alpha=alpha)
        old = preparation.prepare(request).folder
        fingerprint = plain_fingerprint(request)
        document = json.loads((old / "sidecar.json").read_text()) | {"fingerprint": fingerprint}
        del document["conversions"]
        folder = old.rename(old.with_name(fingerprint[:16]))
        Folder(folder).write("sidecar.json", json.dumps(document).encode())
        assert preparation.locate(request).prepared == (alpha == 255)
        assert (preparation.prepare(request).folder == folder) == (alpha == 255)


def test_grey_images_among_colour_ones_are_colour_images_and_counted(tmp_path, capsys):
    numbered(tmp_path / "tree", 40)
    for i in range(6):
        Image.new("L", (16, 16), i).save(tmp_path / "tree" / f"{i}.png")
    prepared = preparation.prepare(make_request("folder", tmp_path / "tree", image_size=16))
    assert sum(prepared.counts.values()) == 40
    assert prepared.sidecar.conversions == Conversions(grey=6)
    assert "grey images, which are taken as colour images: 6; --grey makes" in capsys.readouterr().err
    assert preparation.prepare(make_request("folder", tmp_path / "tree", image_size=16, channels=1))
    assert capsys.readouterr().err == ""


def test_grey_arrays_are_colour_images_if_that_is_asked(tmp_path, capsys):
    write_idx(tmp_path / "MNIST" / "raw", train=30, test=10)
    prepared = preparation.prepare(make_request("mnist", tmp_path, image_size=28, channels=3))
    assert prepared.shape == (3, 28, 28)
    assert prepared.sidecar.conversions == Conversions(grey=40)
    assert "grey images, which are taken as colour images: 40" in capsys.readouterr().err
