"""Copies of a store on disk: what is fetched again, and that nothing outside the copy is touched."""

import json
import time

from bench.io import object_store
from bench.io.files import Folder
from bench.store import mirror


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


def test_an_index_comes_back_as_written_and_a_malformed_one_counts_as_unsettled(tmp_path):
    mirror.Index({"a": (3, 7), "b": None}).write(tmp_path)
    assert json.loads((tmp_path / mirror.INDEX).read_bytes()) == {"a": [3, 7], "b": []}
    assert mirror.Index.read(tmp_path).stamps == {"a": (3, 7), "b": None}
    Folder(tmp_path).write(mirror.INDEX, b'{"a": "x", "b": [1], "c": {}}')
    assert mirror.Index.read(tmp_path).stamps == {"a": None, "b": None, "c": None}
    Folder(tmp_path).write(mirror.INDEX, b"[]")
    assert mirror.Index.read(tmp_path).stamps == {}
