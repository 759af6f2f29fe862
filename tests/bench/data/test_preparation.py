import gzip
import hashlib
import json
import os
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from images import picture, write_cifar, write_idx
from PIL import Image
from sklearn.datasets import load_digits
from specimens import make_request
from torchvision.datasets import CIFAR10, MNIST

from bench.data import datasets, preparation, sidecar
from bench.data.image_tree import image_tree
from bench.data.images import to_uint8, to_unit
from bench.data.prepared import Prepared
from bench.data.sources import Source
from bench.data.splits import SPLITS
from bench.errors import RunError, UserError
from bench.evaluation.image_grids import grid_png
from bench.experiment.settings import resolve
from bench.io.files import Folder

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


def test_the_sidecar_is_read_once(tmp_path, monkeypatch):
    prepared = Prepared(preparation.prepare(make_request("digits", tmp_path)).folder)
    reads = []
    parse = sidecar.parse
    monkeypatch.setattr(sidecar, "parse", lambda data, path: reads.append(path) or parse(data, path))
    for _ in range(3):
        assert prepared.shape == (1, 8, 8)
        assert (prepared.counts["test"], len(prepared.classes), prepared.skipped) == (400, 10, {})
        assert len(prepared.fingerprint) == 64
    assert reads == [prepared.folder / "sidecar.json"]


def test_a_check_reads_the_sidecar_again(tmp_path):
    prepared = preparation.prepare(make_request("digits", tmp_path))
    changed = prepared.sidecar.model_copy(update={"skipped": {"a.png": "it is damaged"}})
    assert prepared.skipped == {}
    Folder(prepared.folder).write("sidecar.json", changed.to_json())
    assert prepared.check()
    assert prepared.skipped == {"a.png": "it is damaged"}
    (prepared.folder / "sidecar.json").write_bytes(b"{}")
    assert not prepared.check()


def test_the_sidecar_keeps_its_format(tmp_path):
    """Prepared sets of older versions stay readable, and older versions read new ones."""
    keys = ["dataset", "source", "preprocessing", "version", "fingerprint", "signature", "classes", "splits", "skipped"]
    labelled = json.loads((preparation.prepare(make_request("digits", tmp_path)).folder / "sidecar.json").read_text())
    assert list(labelled) == keys
    assert labelled["preprocessing"] == {"image_size": 8, "crop": None, "channels": 1}
    assert list(labelled["splits"]["train"]) == ["images", "sha256", "labels_sha256"]
    for i in range(60):
        picture(tmp_path / "tree" / f"{i}.png", (8, 8))
    unlabelled = json.loads(
        (
            preparation.prepare(make_request("folder", tmp_path / "tree", image_size=8)).folder / "sidecar.json"
        ).read_text()
    )
    assert list(unlabelled["splits"]["train"]) == ["images", "sha256"]


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


def test_torchvisions_cifar10_files_are_read_by_torchvision_and_win_over_a_tree(image_tree, monkeypatch):
    root = image_tree("cifar10", 32, 3)
    monkeypatch.setattr(CIFAR10, "_check_integrity", lambda _: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    write_cifar(root)
    prepared = preparation.prepare(make_request("cifar10", root))
    assert prepared.sidecar.source == "torchvision.datasets.CIFAR10"
    assert [len(prepared.images(split)) for split in SPLITS] == [90, 10, 20]
    original = CIFAR10(str(root), train=False).data[0].transpose(2, 0, 1)
    assert any(np.array_equal(original, image) for image in prepared.images("test"))


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")])
def test_torchvisions_idx_files_are_read_by_torchvision(tmp_path, name, folder):
    write_idx(tmp_path / folder / "raw")
    prepared = preparation.prepare(make_request(name, tmp_path))
    assert prepared.sidecar.source == f"torchvision.datasets.{folder}"
    assert prepared.counts == {"train": 270, "validation": 30, "test": 100}
    assert len(prepared.classes) == 10
    original = getattr(torchvision.datasets, folder)(str(tmp_path), train=False)
    order = np.lexsort(original.data.reshape(100, -1).T.numpy())
    mine = np.lexsort(prepared.images("test").reshape(100, -1).T)
    np.testing.assert_array_equal(prepared.images("test")[mine, 0], original.data[order])
    np.testing.assert_array_equal(prepared.labels("test")[mine], original.targets[order])


class Mirror(BaseHTTPRequestHandler):
    """Serves `files`; the one called `cut` only by half."""

    files: dict[str, bytes] = {}
    cut: str | None = None
    asked: list[str] = []

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        self.asked.append(name)
        content = self.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if name == self.cut else content)

    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A server of MNIST's files, with small contents, that torchvision downloads from."""
    files = write_idx(tmp_path / "origin")
    Mirror.files = {f"{name}.gz": gzip.compress(content) for name, content in files.items()}
    Mirror.cut, Mirror.asked = None, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    resources = [(name, hashlib.md5(Mirror.files[name]).hexdigest()) for name, _ in MNIST.resources]
    monkeypatch.setattr(MNIST, "resources", resources)
    yield Mirror
    server.shutdown()


def test_an_interrupted_download_goes_on_with_the_files_that_are_missing(tmp_path, mirror):
    mirror.cut = "t10k-images-idx3-ubyte.gz"
    with pytest.raises(RunError, match=r"run the same command to try again, or put .*MNIST/raw/.*under"):
        preparation.prepare(make_request("mnist", tmp_path / "data"))
    mirror.cut = None
    mirror.asked.clear()
    prepared = preparation.prepare(make_request("mnist", tmp_path / "data"))
    assert set(mirror.asked) == {"t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"}
    assert prepared.counts == {"train": 270, "validation": 30, "test": 100}


def test_a_failing_download_says_both_ways_to_provide_the_data_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:1/"])
    message = r"MNIST/raw/.*mnist/\{train,test\}/<class>.*--data-root"
    with pytest.raises(RunError, match=message):
        preparation.prepare(make_request("mnist", tmp_path))
    assert not (tmp_path / "prepared").exists()


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


def test_bytes_survive_the_way_to_unit_range_and_back():
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(to_uint8(to_unit(every)), every)
    assert to_unit(every).aminmax() == (-1, 1)
    outside = torch.tensor([-3.0, 3.0, float("nan"), float("inf")])
    assert to_uint8(outside).tolist() == [0, 255, 0, 255]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_holds_every_image_at_its_place(channels):
    import io

    images = torch.randint(0, 256, (10, channels, 8, 8), dtype=torch.uint8)
    grid = np.asarray(Image.open(io.BytesIO(grid_png(images, columns=4, least_side=16))))
    assert grid.shape[:2] == (3 * 17 + 1, 4 * 17 + 1)
    fifth = grid[18:34:2, 18:34:2]  # second row, second column, every other pixel of the enlargement
    np.testing.assert_array_equal(fifth, images[5].permute(1, 2, 0).squeeze().numpy())


def test_a_folder_that_cannot_be_listed_is_named_and_not_passed_over(tmp_path, monkeypatch):
    (tmp_path / "mine" / "locked").mkdir(parents=True)
    Image.new("L", (8, 8)).save(tmp_path / "mine" / "a.png")
    listed = os.scandir

    def scandir(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(UserError, match=r"cannot list .*locked: Permission denied; make it readable"):
        image_tree(tmp_path / "mine")


def test_a_folder_whose_files_cannot_be_reached_is_refused_and_not_passed_over(tmp_path, monkeypatch):
    """One that may be listed but not entered. (Whoever runs the tests may enter all.)"""
    (tmp_path / "mine" / "locked").mkdir(parents=True)
    for path in ("a.png", "locked/b.png"):
        Image.new("L", (8, 8)).save(tmp_path / "mine" / path)
    known = os.stat

    def stat(path, *args, **kwargs):
        if str(path).endswith("b.png"):
            raise PermissionError(13, "Permission denied", str(path))
        return known(path, *args, **kwargs)

    monkeypatch.setattr(os, "stat", stat)
    with pytest.raises(UserError, match=r"cannot read .*b\.png: Permission denied; make it readable or remove it"):
        image_tree(tmp_path / "mine")
