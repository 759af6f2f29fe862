"""bench.clean prepared: only prepared sets that no process uses are removed."""

import shutil
from pathlib import Path

import pytest
from specimens import make_request

from bench.data import removal
from bench.data.preparation import held, prepare
from bench.data.prepared import IN_USE, in_use
from bench.io.locks import Timeout, file_lock


@pytest.fixture
def made(tmp_path) -> Path:
    """A prepared set at prepared/digits/<fingerprint>, without the digits' downloads."""
    folder = prepare(make_request("digits", tmp_path)).folder
    (folder / "features" / ".sha256").mkdir(parents=True)
    for name in ("a-fp32-64-test.npz", ".sha256/a-fp32-64-test.npz", "classifier-100-4.pt", ".lock", ".a.json.lock"):
        (folder / "features" / name).write_bytes(b"x")
    return folder


def found(tmp_path: Path) -> list[Path]:
    return list(removal.prepared_sets(tmp_path / "prepared"))


def test_a_prepared_set_is_found_and_removed(made, tmp_path):
    with in_use(prepare(make_request("digits", tmp_path))):
        pass
    assert found(tmp_path) == [made]
    removal.remove(made)
    assert [path.name for path in made.parent.iterdir()] == [".lock"]


def test_an_unfinished_preparation_is_found(made, tmp_path):
    shutil.rmtree(made)
    partial = made.with_name(f".{made.name}.part")
    partial.mkdir()
    for name in ("train-images.npy", "train-images.journal", "test-images.kept"):
        (partial / name).write_bytes(b"x")
    assert found(tmp_path) == [partial]
    (partial / "thesis.tex").write_bytes(b"x")
    assert found(tmp_path) == []
    (partial / "thesis.tex").unlink()
    removal.remove(partial)
    assert not partial.exists()


def moved(made: Path) -> None:
    made.rename(made.with_name("chapter1"))


def of_another_set(made: Path) -> None:
    made.parent.rename(made.parent.with_name("photos"))


def of_another_fingerprint(made: Path) -> None:
    made.rename(made.with_name("0" * 16))


def linked(made: Path) -> None:
    made.rename(made.parent.parent.parent / "elsewhere")
    made.symlink_to(made.parent.parent.parent / "elsewhere")


def linked_above(made: Path) -> None:
    made.parent.rename(made.parent.parent.parent / "elsewhere")
    made.parent.symlink_to(made.parent.parent.parent / "elsewhere")


def holding(name: str):
    def change(made: Path) -> None:
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_bytes(b"precious")

    return change


def without(name: str):
    return lambda made: (made / name).unlink()


STRANGERS = {
    "a renamed folder": moved,
    "another data set's": of_another_set,
    "another fingerprint's": of_another_fingerprint,
    "a link": linked,
    "a link above": linked_above,
    "with a file of the user": holding("notes.txt"),
    "with a file of a split that the sidecar does not name": holding("extra-images.npy"),
    "with a file of the user below": holding("features/thesis.tex"),
    "with a folder of the user": holding("mine/train-images.npy"),
    "without a sidecar": without("sidecar.json"),
    "without a checksum": without(".sha256/sidecar.json"),
}


@pytest.mark.parametrize("case", STRANGERS)
def test_other_folders_are_neither_found_nor_removed(case, made, tmp_path):
    STRANGERS[case](made)
    before = sorted(path for path in tmp_path.rglob("*") if not path.is_symlink())
    assert found(tmp_path) == []
    removal.remove(made)  # a set that has changed since it was listed
    assert [path for path in before if not path.exists()] == []


def test_folders_of_other_programs_are_left_alone(tmp_path):
    """--prepared data, in place of data/prepared."""
    for name in ("MNIST/raw/train-images-idx3-ubyte", "photos/2024/a.jpg", f"x/{'a' * 16}/train-images.npy"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x")
    assert list(removal.prepared_sets(tmp_path)) == []


def test_a_set_is_marked_before_it_is_verified(made, tmp_path, monkeypatch):
    """Verifying takes minutes for a large set; it must not be removed meanwhile."""
    request, marked = make_request("digits", tmp_path), []
    check = removal.sidecar.read_verified

    def look(folder: Path):
        marked.append(len(list((folder / IN_USE).glob("*.lock"))))
        return check(folder)

    monkeypatch.setattr("bench.data.prepared.sidecar.read_verified", look)
    with held(request):
        assert marked[-1] == 1
        monkeypatch.setattr("bench.data.prepared.sidecar.read_verified", check)
        with pytest.raises(Timeout):
            removal.remove(made)
    removal.remove(made)
    assert not made.exists()


def test_a_set_that_is_marked_while_it_is_removed_stays(made, tmp_path, monkeypatch):
    """Between the look for marks and the removal."""
    rename, prepared = Path.rename, prepare(make_request("digits", tmp_path))
    mark = file_lock(prepared.folder / IN_USE / f"{'0' * 32}.lock")

    def mark_first(path: Path, target: Path) -> Path:
        if path == made:
            mark.acquire()
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", mark_first)
    with pytest.raises(Timeout):
        removal.remove(made)
    mark.release()
    assert prepared.check()


def test_a_set_that_is_removed_before_it_is_marked_is_prepared_again(made, tmp_path, monkeypatch):
    removals = []

    def late(prepared):
        if not removals:
            removals.append(removal.remove(made))
        return in_use(prepared)

    monkeypatch.setattr("bench.data.preparation.in_use", late)
    with held(make_request("digits", tmp_path)) as prepared:
        assert prepared.check()
        assert len(list((made / IN_USE).iterdir())) == 1
    assert not list((made / IN_USE).iterdir())


def test_marking_a_missing_set_makes_no_folder(made, tmp_path):
    prepared = prepare(make_request("digits", tmp_path))
    removal.remove(made)
    with in_use(prepared):
        assert not made.exists()
