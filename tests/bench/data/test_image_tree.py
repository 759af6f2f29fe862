"""Trees of images: splits, classes, and folders that cannot be read."""

import os
from hashlib import sha256

import numpy as np
import pytest
from images import numbered, numbers
from PIL import Image
from specimens import make_request

from bench.data import preparation
from bench.data.image_tree import image_tree
from bench.data.splits import SPLITS
from bench.errors import UserError


def test_a_folder_that_cannot_be_listed_is_named_and_not_skipped(tmp_path, monkeypatch):
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


def test_a_folder_whose_files_cannot_be_reached_is_refused_and_not_skipped(tmp_path, monkeypatch):
    """A folder that may be listed but not entered. os.stat is patched, because root may enter every folder."""
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


def test_a_tree_without_split_folders_is_split_by_the_hash_of_relative_paths(tmp_path):
    numbered(tmp_path / "tree", 400)
    prepared = preparation.prepare(make_request("folder", tmp_path / "tree", image_size=16))
    expected = {"train": [], "validation": [], "test": []}
    for i in range(400):
        share = int.from_bytes(sha256(f"{i}.png".encode()).digest()[:4]) / 2**32
        expected["test" if share < 0.1 else "validation" if share < 0.2 else "train"].append(i)
    for split, wanted in expected.items():
        assert sorted(numbers(prepared.images(split))) == wanted
    assert prepared.classes == []
    assert not list(prepared.folder.glob("*labels*"))


def test_adding_images_to_a_tree_moves_none_between_splits(tmp_path):
    numbered(tmp_path / "tree", 200)
    before = preparation.prepare(make_request("folder", tmp_path / "tree", image_size=16))
    numbered(tmp_path / "tree", 400)
    after = preparation.prepare(make_request("folder", tmp_path / "tree", image_size=16))
    for split in SPLITS:
        assert set(numbers(before.images(split))) <= set(numbers(after.images(split)))


@pytest.mark.parametrize("validation", [None, "val", "validation"])
@pytest.mark.parametrize("classes", [(), ("cat", "dog")])
def test_split_and_class_folders_are_understood(tmp_path, validation, classes):
    root = tmp_path / "tree"
    sizes = {"train": 40, "test": 10} | ({validation: 6} if validation else {})
    for split, count in sizes.items():
        for name in classes or [""]:
            numbered(root / split / name, count)
    prepared = preparation.prepare(make_request("folder", root, image_size=16))
    n = max(1, len(classes))
    held_out = 6 * n if validation else 40 * n // 10
    expected = {"train": 40 * n - (0 if validation else held_out), "validation": held_out, "test": 10 * n}
    assert prepared.counts == expected
    assert prepared.classes == list(classes)
    if classes:
        assert np.bincount(prepared.labels("test")).tolist() == [10, 10]


def test_one_folder_around_all_images_is_no_class_and_hidden_files_do_not_count(tmp_path):
    numbered(tmp_path / "tree" / "images", 100)
    (tmp_path / "tree" / ".cache").mkdir()
    (tmp_path / "tree" / ".cache" / "x.png").write_text("no image")
    (tmp_path / "tree" / "images" / "._1.png").write_text("no image")
    prepared = preparation.prepare(make_request("folder", tmp_path / "tree", image_size=16))
    assert prepared.classes == []
    assert sum(prepared.counts.values()) == 100
