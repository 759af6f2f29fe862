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
from bench.data.sidecar import Conversions
from bench.data.sources import Source
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


def notes(folder, **settings):
    return " ".join(image_tree(folder, **settings).notes)


@pytest.mark.parametrize("link", ["photos/dog", "photos/cat/more"])
def test_a_linked_folder_is_refused_by_name(tmp_path, link):
    numbered(tmp_path / "photos" / "cat", 5)
    numbered(tmp_path / "store", 5)
    (tmp_path / link).symlink_to(tmp_path / "store")
    with pytest.raises(UserError, match=f"{link} is a linked folder, and links are not followed; replace it by a copy"):
        image_tree(tmp_path / "photos")


@pytest.mark.parametrize("name", ["training", "Training_Set", "train", "train-images"])
def test_synonyms_of_split_folders_are_splits(tmp_path, name):
    for split, count in ((name, 20), ("testing", 5)):
        for digit in "01":
            numbered(tmp_path / "tree" / split / digit, count)
    source = image_tree(tmp_path / "tree")
    assert {split: len(content.images) for split, content in source.load().items()} == {"train": 40, "test": 10}
    assert source.classes == ["0", "1"]


def test_splits_that_older_versions_did_not_see_give_another_fingerprint_and_plain_ones_the_same(tmp_path):
    """A set that an older version prepared with training/ as a class must not be found again."""
    for names in (("train", "test"), ("training", "testing")):
        for name in names:
            numbered(tmp_path / names[0] / name, 20)
    assert image_tree(tmp_path / "train").choices == ()
    source = image_tree(tmp_path / "training")
    assert source.choices == ("split folders: testing, training",)
    request = make_request("folder", tmp_path / "training", image_size=8)
    bare = Source(source.about, source.root, source.files, source.reader, source.classes)
    fingerprints = [preparation._fingerprint(request, each, Conversions()) for each in (source, bare)]
    assert fingerprints[0] != fingerprints[1]
    assert source.signature() != bare.signature()


def test_two_folders_for_one_split_are_refused(tmp_path):
    for name in ("train", "training", "test"):
        numbered(tmp_path / "tree" / name, 5)
    with pytest.raises(UserError, match=r"two folders for train: train(ing)?/ and train(ing)?/; keep one of them"):
        image_tree(tmp_path / "tree")


@pytest.mark.parametrize("inner", ["archive", "archive/inner", "cat"])
def test_split_folders_below_the_top_are_refused_and_do_not_become_classes(tmp_path, inner):
    for split in ("train", "test"):
        numbered(tmp_path / "tree" / inner / split / "0", 5)
    numbered(tmp_path / "tree" / "dog", 5)
    with pytest.raises(
        UserError, match=rf"the split folders train/ and test/ are in .*tree/{inner}, not at the top of"
    ):
        image_tree(tmp_path / "tree")


def test_every_suffix_of_the_decoders_kinds_is_read_and_others_are_counted(tmp_path):
    image = Image.new("RGB", (16, 16))
    for kind in ("png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif", "ppm"):
        image.save(tmp_path / f"a.{kind}")
    for kind in ("jfif", "jpe", "GIF"):
        image.save(tmp_path / f"b.{kind}", format="GIF" if kind == "GIF" else "JPEG")
    for name in ("z.ppm", "c.txt", "NOTES", ".hidden.png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "void").mkdir()
    (tmp_path / ".cache").mkdir()
    source = image_tree(tmp_path)
    assert len(source.files) == 11
    kind = "(a kind of file that is not read)"
    assert source.notes == (
        f"7 files are not used in {tmp_path}: 2 .ppm {kind}, such as a.ppm; 1 .png (hidden), such as .hidden.png; "
        f"1 .txt {kind}, such as c.txt; 1 folder (empty), such as void; 1 folder (hidden), such as .cache; "
        f"1 without suffix {kind}, such as NOTES",
    )


def test_what_systems_and_archives_leave_behind_is_no_image_and_not_worth_a_word(tmp_path):
    numbered(tmp_path / "tree" / "images", 5)
    for name in ("__MACOSX/a.png", "@eaDir/SYNOPHOTO_THUMB_M.jpg", "$RECYCLE.BIN/b.png", "lost+found/c.png",
                 ".DS_Store", "images/._1.png", "images/Thumbs.db", "images/desktop.ini", ".git/HEAD"):  # fmt: skip
        (tmp_path / "tree" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "tree" / name).write_bytes(b"")
    source = image_tree(tmp_path / "tree")
    assert (len(source.files), source.classes, source.notes) == (5, [], ())


def test_images_outside_split_folders_and_class_folders_are_counted(tmp_path):
    for name in ("train/cat", "train/dog", "test/cat", "test/dog", "extra"):
        numbered(tmp_path / "split" / name, 2)
    assert "2 files are not used" in notes(tmp_path / "split")
    assert "2 .png (outside the split folders), such as extra/0.png" in notes(tmp_path / "split")
    for name in ("cat", "dog", ""):
        numbered(tmp_path / "tree" / name, 1)
    assert notes(tmp_path / "tree").startswith("the images have no classes, because 1 of them lies outside the class f")
    assert notes(tmp_path / "tree", labelled=False) == ""


def test_what_is_left_out_is_said_once_when_a_set_is_prepared_and_when_it_is_found_again(tmp_path, capsys):
    numbered(tmp_path / "tree", 60)
    (tmp_path / "tree" / "a.ppm").write_bytes(b"")
    request = make_request("folder", tmp_path / "tree", image_size=8)
    for _ in range(2):
        preparation.prepare(request)
        assert capsys.readouterr().err.count("1 file is not used") == 1  # the prepared set lies in the tree, too
    assert "1 file is not used" in preparation.locate(request).notes[0]


def test_results_in_the_tree_are_no_images(tmp_path):
    numbered(tmp_path / "images", 5)
    numbered(tmp_path / "results" / "photos" / "trials" / "samples", 5)
    (tmp_path / "results" / "photos" / "experiment.yaml").write_text("")
    source = image_tree(tmp_path)
    assert len(source.files) == 5
    assert "1 folder (results of an experiment), such as results/photos" in source.notes[0]


def test_folders_without_training_images_are_no_classes(tmp_path):
    """One folder a person, as in sets of faces: most people are in one split only, and a classifier learns nothing."""
    for i in range(60):
        numbered(tmp_path / "people" / f"person_{i:02}", 1)
    source = image_tree(tmp_path / "people")
    held_out = sorted(path.parent.name for path in source.files)
    held_out = [name for name in held_out if int(sha256(f"{name}/0.png".encode()).hexdigest()[:8], 16) / 16**8 < 0.2]
    assert (source.classes, source.choices) == ([], ("no classes",))
    assert source.notes[0].startswith(
        f"the folders are not used as classes, because {len(held_out)} of 60 have no training images, such as "
        f"{held_out[0]}/"
    )
    assert all(split.labels is None for split in source.load().values())
