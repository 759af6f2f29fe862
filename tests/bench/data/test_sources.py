"""Where images come from: torchvision's files, downloads and CelebA."""

import gzip
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torchvision
from images import picture, write_celeba, write_cifar, write_idx
from PIL import Image
from specimens import make_request
from torchvision.datasets import CIFAR10, MNIST, CelebA

from bench.data import preparation
from bench.data.celeba import celeba
from bench.data.splits import SPLITS
from bench.errors import RunError


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


def test_celeba_is_torchvisions_with_the_published_split_cropped_and_resized(tmp_path, monkeypatch):
    folder = write_celeba(tmp_path, train=40, validation=10, test=10)
    prepared = preparation.prepare(make_request("celeba", tmp_path))
    assert prepared.counts == {"train": 40, "validation": 10, "test": 10}
    assert prepared.shape == (3, 64, 64)
    # torchvision reads four more files, which it wants to be there and the pictures' attributes to be in.
    rows = "".join(f"{i + 1:06}.jpg 1 1\n" for i in range(60))
    for name in (
        "identity_CelebA.txt",
        "list_bbox_celeba.txt",
        "list_attr_celeba.txt",
        "list_landmarks_align_celeba.txt",
    ):
        (folder / name).write_text(rows if name.startswith("identity") else f"60\na b\n{rows}")
    monkeypatch.setattr(CelebA, "_check_integrity", lambda _: True)
    original = CelebA(str(tmp_path), split="test", target_type=[])
    crops = [image.crop((19, 39, 159, 179)).resize((64, 64), Image.Resampling.LANCZOS) for image, _ in original]
    expected = {np.asarray(crop).transpose(2, 0, 1).tobytes() for crop in crops}
    assert {image.tobytes() for image in prepared.images("test")} == expected


def test_celeba_hq_is_a_folder_without_classes(tmp_path):
    for sex in ("female", "male"):  # as some copies of it are sorted
        for i in range(30):
            picture(tmp_path / "celebahq" / sex / f"{i}.png", (256, 256))
    prepared = preparation.prepare(make_request("celebahq", tmp_path))
    assert prepared.shape == (3, 256, 256)
    assert prepared.classes == []


def test_images_that_celebas_partition_does_not_list_are_counted(tmp_path):
    folder = write_celeba(tmp_path, train=2, validation=1, test=1)
    for name in ("000009.jpg", "000010.jpg"):
        (folder / "img_align_celeba" / name).write_bytes(b"")
    source = celeba(folder)
    assert source.notes == (
        f"2 files in {folder}/img_align_celeba are not used, because list_eval_partition.txt does not list them, such "
        "as 000009.jpg",
    )
