"""Preparing data sets: their splits, fingerprints, damaged and unreadable files, and interruptions."""

import json
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from images import numbered, numbers
from PIL import Image
from sklearn.datasets import load_digits
from specimens import make_request

from bench.data import datasets, preparation, writing
from bench.data.decode import Files
from bench.data.image_files import ImageFile
from bench.data.sources import Source
from bench.data.splits import SPLITS
from bench.errors import UserError
from bench.experiment.configuration import resolve

SHARED = Path(__file__).parents[4] / "shared" / "data"


def test_digits_are_scikit_learns_split_by_a_fixed_permutation(tmp_path):
    prepared = preparation.prepare(make_request("digits", tmp_path))
    counts = [len(prepared.images(split)) for split in SPLITS]
    assert counts == list(datasets.DATASETS["digits"].images)
    assert prepared.shape == (1, 8, 8)
    images = np.concatenate([prepared.images(split) for split in SPLITS])
    labels = np.concatenate([prepared.labels(split) for split in SPLITS])
    order = np.random.RandomState(0).permutation(1797)
    original = load_digits()
    np.testing.assert_array_equal(images[:, 0], np.rint(original.images[order] * 255 / 16))
    np.testing.assert_array_equal(labels, original.target[order])
    assert isinstance(prepared.images("train"), np.memmap)


def test_preparing_twice_reads_the_first_result(tmp_path):
    first = preparation.prepare(make_request("digits", tmp_path))
    stamp = (first.folder / "sidecar.json").stat().st_mtime_ns
    assert preparation.prepare(make_request("digits", tmp_path)) == first
    assert (first.folder / "sidecar.json").stat().st_mtime_ns == stamp
    assert preparation.locate(make_request("digits", tmp_path)).fingerprint == first.fingerprint


def test_a_prepared_set_is_known_without_reading_its_source(tmp_path, monkeypatch):
    before = preparation.locate(make_request("digits", tmp_path))
    preparation.prepare(make_request("digits", tmp_path))
    monkeypatch.setattr(Source, "load", lambda _: pytest.fail("read"))
    after = preparation.locate(make_request("digits", tmp_path))
    assert (after.fingerprint, after.counts, after.labelled) == (before.fingerprint, before.counts, before.labelled)
    assert (before.prepared, after.prepared) == (False, True)


def test_a_damaged_array_is_prepared_again(tmp_path, capsys):
    first = preparation.prepare(make_request("digits", tmp_path))
    before = first.images("test").copy()
    path = first.folder / "test-images.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    again = preparation.prepare(make_request("digits", tmp_path))
    assert "damaged" in capsys.readouterr().err
    np.testing.assert_array_equal(again.images("test"), before)


def test_four_preparations_at_once_give_one_result(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: preparation.prepare(make_request("digits", tmp_path)), range(4)))
    assert len(set(results)) == 1
    assert [p.name for p in (tmp_path / "prepared" / "digits").iterdir() if p.is_dir()] == [results[0].folder.name]


@pytest.mark.parametrize(("name", "size", "channels"), [("mnist", 28, 1), ("cifar10", 32, 3)])
def test_a_tree_of_images_keeps_pixels_and_classes(image_tree, name, size, channels):
    root = image_tree(name, size, channels)
    prepared = preparation.prepare(make_request(name, root))
    assert prepared.shape == (channels, size, size)
    assert [len(prepared.images(split)) for split in SPLITS] == [108, 12, 80]
    for split in SPLITS:
        bright = prepared.images(split).reshape(len(prepared.labels(split)), -1).mean(1) > 100
        np.testing.assert_array_equal(bright, prepared.labels(split) == 1)
    # Shuffled: the first images of a split are of several classes.
    assert len(set(prepared.labels("train")[:20])) == 2
    picture = np.asarray(Image.open(root / name / "test" / "class0" / "3.png"))
    found = prepared.images("test").transpose(0, 2, 3, 1).squeeze()
    assert any(np.array_equal(picture, candidate) for candidate in found)


def test_the_fingerprint_is_of_contents_not_of_places_or_dates(image_tree, tmp_path):
    root = image_tree("mnist", 28, 1, train=12, test=3)
    copied = tmp_path / "elsewhere"
    shutil.copytree(root / "mnist", copied / "mnist")
    for path in (copied / "mnist").rglob("*.png"):
        path.touch()
    assert (
        preparation.locate(make_request("mnist", root)).fingerprint
        == preparation.locate(make_request("mnist", copied)).fingerprint
    )
    changed = copied / "mnist" / "train" / "class0" / "0.png"
    Image.new("L", (28, 28), 7).save(changed)
    assert (
        preparation.locate(make_request("mnist", root)).fingerprint
        != preparation.locate(make_request("mnist", copied)).fingerprint
    )


def test_changed_files_are_noticed_after_preparing(image_tree):
    root = image_tree("mnist", 28, 1, train=12, test=3)
    first = preparation.prepare(make_request("mnist", root))
    time.sleep(0.01)
    Image.new("L", (28, 28), 7).save(root / "mnist" / "train" / "class0" / "0.png")
    assert preparation.prepare(make_request("mnist", root)).fingerprint != first.fingerprint


def test_a_file_that_is_no_image_is_named(image_tree):
    root = image_tree("mnist", 28, 1)
    (root / "mnist" / "train" / "class0" / "bad.png").write_text("not an image")
    with pytest.raises(UserError, match=r"class0/bad.png"):
        preparation.prepare(make_request("mnist", root))


def test_a_tree_without_test_images_is_refused(image_tree):
    root = image_tree("mnist", 28, 1)
    shutil.rmtree(root / "mnist" / "test")
    with pytest.raises(UserError, match="no images under test/"):
        preparation.prepare(make_request("mnist", root))


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.exists(), reason="the real MNIST and CIFAR-10 files are not on this machine")
def test_real_mnist_and_cifar10(tmp_path):
    subprocess.run([SHARED / "unpack", tmp_path], check=True, capture_output=True)
    for name in ("mnist", "cifar10"):
        prepared = preparation.prepare(make_request(name, tmp_path))
        facts = datasets.DATASETS[name]
        assert prepared.shape == resolve({"dataset": name}).preprocessing.shape
        assert tuple(len(prepared.images(split)) for split in SPLITS) == facts.images
        assert np.bincount(prepared.labels("test")).min() > 800
        assert json.loads((prepared.folder / "sidecar.json").read_text())["fingerprint"] == prepared.fingerprint


def test_preprocessing_is_part_of_the_fingerprint(tmp_path):
    numbered(tmp_path / "tree", 100)
    requests = [{"image_size": 16}, {"image_size": 8}, {"image_size": 8, "crop": 12}, {"image_size": 16, "channels": 1}]
    found = [preparation.prepare(make_request("folder", tmp_path / "tree", **request)) for request in requests]
    assert len({prepared.fingerprint for prepared in found}) == 4
    assert [prepared.shape for prepared in found] == [(3, 16, 16), (3, 8, 8), (3, 8, 8), (1, 16, 16)]


def test_unreadable_images_are_left_out_counted_and_listed(tmp_path, capsys):
    numbered(tmp_path / "tree", 300)
    bad = [3, 77, 150, 151, 299]
    for i in bad:
        (tmp_path / "tree" / f"{i}.png").write_text("no image")
    with pytest.raises(UserError, match="--skip-unreadable"):
        preparation.prepare(make_request("folder", tmp_path / "tree", image_size=16))
    prepared = preparation.prepare(make_request("folder", tmp_path / "tree", skip_unreadable=True, image_size=16))
    assert "5 images are left out" in capsys.readouterr().err
    assert {Path(path).name for path in prepared.skipped} == {f"{i}.png" for i in bad}
    found = [number for split in SPLITS for number in numbers(prepared.images(split))]
    assert sorted(found) == [i for i in range(300) if i not in bad]
    assert prepared.check()


def test_a_long_list_of_images_that_are_left_out_is_cut_but_counted(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(writing, "MOST_LISTED", 2)
    tree = tmp_path / "tree"
    numbered(tree, 60)
    for i in range(5):
        (tree / f"bad{i}.png").write_bytes(b"no image")
    prepared = preparation.prepare(make_request("folder", tree, skip_unreadable=True, image_size=16))
    assert (len(prepared.skipped), prepared.sidecar.left_out) == (2, 5)
    assert "5 images are left out" in capsys.readouterr().err


def test_more_classes_than_a_sidecar_holds_are_refused_before_decoding(image_tree, monkeypatch):
    monkeypatch.setattr(writing, "MOST_CLASSES", 1)
    root = image_tree("pictures", 16, 3)
    with pytest.raises(UserError, match="folder has 2 classes, more than 1; make fewer class folders"):
        preparation.prepare(make_request("folder", root / "pictures", image_size=16))


def test_labels_stay_with_their_images_where_some_are_left_out(tmp_path):
    for name, first in (("a", 0), ("b", 100)):
        for split, count in (("train", 50), ("test", 20)):
            folder = tmp_path / "tree" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                Image.new("RGB", (16, 16), (first + i, 0, 0)).save(folder / f"{i}.png")
        (tmp_path / "tree" / "train" / name / "7.png").write_text("no image")
    prepared = preparation.prepare(make_request("folder", tmp_path / "tree", skip_unreadable=True, image_size=16))
    for split in SPLITS:
        np.testing.assert_array_equal(prepared.images(split)[:, 0, 0, 0] >= 100, prepared.labels(split) == 1)
    assert prepared.counts["train"] + prepared.counts["validation"] == 98


@pytest.mark.usefixtures("small_chunks")
def test_an_interrupted_preparation_goes_on_with_what_is_missing(tmp_path, monkeypatch):
    numbered(tmp_path / "tree", 400)
    decoded = []
    decode = Files.decode

    def counted(self, row, preprocessing):
        if len(decoded) == 150:
            raise KeyboardInterrupt
        decoded.append(self.paths[row].name)
        return decode(self, row, preprocessing)

    monkeypatch.setattr(Files, "decode", counted)
    request = make_request("folder", tmp_path / "tree", image_size=16)
    with pytest.raises(KeyboardInterrupt):
        preparation.prepare(request)
    partial = next((request.prepared / "folder").glob(".*.part"))
    journal = partial / "train-images.journal"
    done = len(journal.read_text().splitlines())
    assert done >= 10
    # What a power failure may leave: a line that was cut, and a chunk whose bytes never reached the disk.
    with journal.open("a") as file:
        file.write("[31, ")
    rows = len(np.load(partial / "train-images.npy", mmap_mode="r"))
    ImageFile(partial / "train-images.npy", rows, request.preprocessing).write(0, np.zeros((10, 3, 16, 16), np.uint8))
    decoded.clear()
    decoded.extend([""] * 151)  # so that it is not interrupted again
    prepared = preparation.prepare(request)
    assert len(decoded) - 151 == 400 - 10 * (done - 1)
    monkeypatch.setattr(Files, "decode", decode)
    whole = preparation.prepare(replace(request, prepared=tmp_path / "elsewhere"))
    for split in SPLITS:
        np.testing.assert_array_equal(prepared.images(split), whole.images(split))


@pytest.mark.usefixtures("small_chunks")
def test_an_image_that_was_skipped_before_is_an_error_without_the_option(tmp_path, monkeypatch):
    """A preparation that skipped an image and was interrupted does not pass it on silently."""
    numbered(tmp_path / "tree", 200)
    (tmp_path / "tree" / "5.png").write_text("no image")
    rename = type(tmp_path).rename
    monkeypatch.setattr(type(tmp_path), "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        preparation.prepare(make_request("folder", tmp_path / "tree", skip_unreadable=True, image_size=16))
    monkeypatch.setattr(type(tmp_path), "rename", rename)
    with pytest.raises(UserError, match=r"5\.png"):
        preparation.prepare(make_request("folder", tmp_path / "tree", image_size=16))
