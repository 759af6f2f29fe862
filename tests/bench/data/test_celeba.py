"""CelebA's copies, and its download from Google Drive."""

import sys

import gdown
import numpy as np
import pytest
from images import write_celeba
from specimens import make_request

from bench.data import preparation
from bench.data.celeba import HEADER, celeba
from bench.errors import RunError, UserError


def as_on_kaggle(folder):
    """Double the folder of the images, and write the partition as Kaggle's copy has it."""
    partition = folder / "list_eval_partition.txt"
    rows = [line.replace(" ", ",") for line in partition.read_text().splitlines()]
    partition.with_suffix(".csv").write_bytes("\r\n".join([HEADER, *rows, ""]).encode())
    partition.unlink()
    (folder / "img_align_celeba").rename(folder / "images")
    (folder / "img_align_celeba").mkdir()
    (folder / "images").rename(folder / "img_align_celeba" / "img_align_celeba")


def test_the_copy_on_kaggle_gives_the_same_images(tmp_path):
    write_celeba(tmp_path / "one", train=40, validation=10, test=10)
    as_on_kaggle(write_celeba(tmp_path / "two", train=40, validation=10, test=10))
    one, two = (preparation.prepare(make_request("celeba", tmp_path / name)) for name in ("one", "two"))
    assert two.counts == {"train": 40, "validation": 10, "test": 10}
    for split in one.counts:
        np.testing.assert_array_equal(one.images(split), two.images(split))


def test_a_damaged_partition_of_kaggle_is_one_line(tmp_path):
    folder = write_celeba(tmp_path, train=2, validation=1, test=1)
    as_on_kaggle(folder)
    with (folder / "list_eval_partition.csv").open("a") as file:
        file.write("000001.jpg\n")
    with pytest.raises(UserError, match=r"list_eval_partition\.csv, line 6: '000001\.jpg' is not a file name followed"):
        celeba(folder)


def fail(**_):
    raise gdown.exceptions.FileURLRetrievalError("Too many users have viewed or downloaded this file recently.\nHelp")


def test_google_drive_refusing_a_download_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(gdown, "download", fail)
    with pytest.raises(RunError, match=r"cannot download celeba \(Too many users .*\); run the same command .* Kaggle"):
        preparation.prepare(make_request("celeba", tmp_path))


def test_without_gdown_a_download_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gdown", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(RunError, match=r"cannot download celeba \(it is in Google Drive, which needs gdown\); run pip"):
        preparation.prepare(make_request("celeba", tmp_path))
