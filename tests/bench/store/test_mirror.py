"""Copies of a store on disk: what is fetched again, and that nothing outside the copy is touched."""

import json
import time

import pytest

from bench.io import object_store
from bench.io.files import CHECKSUMS, Folder, TooLarge, sha256
from bench.io.untrusted import Malformed
from bench.store import mirror
from bench.store.folders import ExperimentFolder

PRECIOUS = b"not of the copy"


def test_a_copy_follows_what_changes_and_leaves_what_does_not(s3, remote_folder, tmp_path):
    home, copy = Folder(remote_folder), tmp_path / "copy"
    home.write("a", b"one")
    home.write("b", b"one")

    def pull() -> int:
        return mirror.pull(remote_folder, copy, lambda _: True)

    assert pull() == 4
    home.write("a", b"two")  # of the same size, within the same second
    pull()
    assert Folder(copy).read("a") == b"two"
    (copy / "b").unlink()
    pull()
    assert Folder(copy).read("b") == b"one"
    time.sleep(mirror.SETTLING / 1e9 + 1)
    home.write("c", b"late")
    pull()
    s3.requests.clear()
    assert pull() == 2  # c and its checksum, which may have changed within the second
    assert (
        sum(method == "GET" and "/bucket/" in path and not path.endswith("/bucket/") for method, path in s3.requests)
        <= 3
    )


def test_names_in_a_store_cannot_leave_the_copy(remote_folder, tmp_path, monkeypatch):
    listed = {"../out": (1, 1), "/etc/x": (1, 1), "a/../../out": (1, 1), "in": (1, 1)}
    monkeypatch.setattr(object_store.Remote, "files", lambda _: listed)
    monkeypatch.setattr(object_store.Remote, "read_bytes", lambda _: b"x")
    assert mirror.pull(remote_folder, tmp_path / "copy", lambda _: True) == 1
    assert not (tmp_path / "out").exists()


def test_an_index_cannot_remove_files_outside_the_copy(remote_folder, tmp_path, monkeypatch):
    """The index may have come with an experiment that somebody else made."""
    monkeypatch.setattr(object_store.Remote, "files", lambda _: {})
    (tmp_path / "precious").write_bytes(b"x")
    (tmp_path / "copy" / "old").mkdir(parents=True)
    (tmp_path / "copy" / "old" / "file").write_bytes(b"x")
    names = ["../precious", str(tmp_path / "precious"), "old/file"]
    Folder(tmp_path / "copy").write(mirror.INDEX, json.dumps({name: [1, 1] for name in names}).encode())
    assert mirror.pull(remote_folder, tmp_path / "copy", lambda _: True) == 0
    assert (tmp_path / "precious").exists()
    assert not (tmp_path / "copy" / "old" / "file").exists()


@pytest.fixture
def bucket(remote_folder, monkeypatch):
    """A store that holds these files, whatever their names; the dictionary may be changed."""
    files: dict[str, bytes] = {}
    below = f"{remote_folder.key}/" if remote_folder.key else ""
    listing = lambda _: {name: (len(data), 1) for name, data in files.items()}  # noqa: E731
    monkeypatch.setattr(object_store.Remote, "files", listing)
    monkeypatch.setattr(object_store.Remote, "read_bytes", lambda file: files[file.key.removeprefix(below)])
    return files


def test_the_index_and_dot_files_of_a_store_are_never_copied(remote_folder, bucket, tmp_path):
    """A bucket with an index of its own: after a failed pull, the next one would remove what that index names."""
    (tmp_path / "precious").write_bytes(PRECIOUS)
    index = json.dumps({"../precious": [1, 1]}).encode()
    checksum = sha256(index).encode()
    names = (
        ".lock",
        ".lease",
        ".bashrc",
        ".git/config",
        "a/.x.lock",
        "a/b.lock",
        "a//b",
        "a\\..\\b",
        "a\x1b",
        CHECKSUMS,
    )
    bucket |= {mirror.INDEX: index, f"{CHECKSUMS}/{mirror.INDEX}": checksum, "a/in": b"x"}
    bucket |= dict.fromkeys(names, b"x")
    for _ in range(2):
        mirror.pull(remote_folder, tmp_path / "copy", lambda _: True)
    copied = {
        path.relative_to(tmp_path / "copy").as_posix() for path in (tmp_path / "copy").rglob("*") if path.is_file()
    }
    assert copied == {"a/in", mirror.INDEX, f"{CHECKSUMS}/{mirror.INDEX}"}
    assert mirror.Index.read(tmp_path / "copy").stamps.keys() == {"a/in"}
    assert (tmp_path / "precious").read_bytes() == PRECIOUS


def test_links_in_a_copy_lead_neither_writes_nor_removals_out_of_it(remote_folder, bucket, tmp_path):
    """Loggers' folders may hold links, so they are not searched for them."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_bytes(PRECIOUS)
    copy = tmp_path / "copy"
    (copy / "wandb").mkdir(parents=True)
    (copy / "wandb" / "latest").symlink_to(tmp_path / "outside")
    Folder(copy).write(mirror.INDEX, b'{"wandb/latest/precious": [1, 1]}')
    for there in ({}, {"wandb/latest/precious": b"changed"}):
        bucket.update(there)
        with pytest.raises(Malformed, match="is not inside copy/"):
            mirror.pull(remote_folder, copy, lambda _: True)
        assert (tmp_path / "outside" / "precious").read_bytes() == PRECIOUS


def test_a_pull_touches_only_what_runs_publish(remote_folder, bucket, tmp_path):
    copy = tmp_path / "copy"
    Folder(copy).write(mirror.INDEX, b'{"notes.txt": [1, 1], "trials/old/spec.json": [1, 1]}')
    for name in ("notes.txt", "trials/old/spec.json"):
        Folder(copy).write(name, PRECIOUS)
    bucket |= {"thesis.tex": b"x", "experiment.yaml": b"x", "trials/a/spec.json": b"x", "trials/a/checkpoint.pt": b"x"}
    bucket |= {"search/trials/b/spec.json": b"x", "search/report/index.html": b"x", "report/index.html": b"x"}
    ExperimentFolder(copy, remote_folder).pull()
    found = {
        path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file() and ".sha256" not in path.parts
    }
    copied = {"experiment.yaml", "trials/a/spec.json", "search/trials/b/spec.json"}
    assert found == {*copied, "notes.txt", mirror.INDEX}
    assert (copy / "notes.txt").read_bytes() == PRECIOUS


def test_a_file_that_is_too_large_is_not_fetched(remote_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(object_store.Remote, "files", lambda _: {"trials/a/spec.json": (2**40, 1)})
    with pytest.raises(TooLarge, match="has 1,099,511,627,776 bytes, more than the limit of 1,048,576"):
        mirror.pull(remote_folder, tmp_path / "copy", lambda _: True)


def test_an_index_comes_back_as_written_and_a_malformed_one_counts_as_unsettled(tmp_path):
    mirror.Index({"a": (3, 7), "b": None}).write(tmp_path)
    assert json.loads((tmp_path / mirror.INDEX).read_bytes()) == {"a": [3, 7], "b": []}
    assert mirror.Index.read(tmp_path).stamps == {"a": (3, 7), "b": None}
    Folder(tmp_path).write(mirror.INDEX, b'{"a": "x", "b": [1], "c": {}}')
    assert mirror.Index.read(tmp_path).stamps == {"a": None, "b": None, "c": None}
    Folder(tmp_path).write(mirror.INDEX, b"[]")
    assert mirror.Index.read(tmp_path).stamps == {}
