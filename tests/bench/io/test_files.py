"""Atomic writes, with checksums that detect damage."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from bench.errors import RunError
from bench.io import files, limits
from bench.io.files import Damaged, Folder, TooLarge, rename_durably, write_atomically

FLUSH = files.flush  # before conftest.py replaces it


def test_files_come_back_as_written_and_damage_is_noticed(tmp_path):
    folder = Folder(tmp_path)
    folder.write("a.bin", b"first")
    folder.write("a.bin", b"second")
    assert folder.read("a.bin") == b"second"
    (tmp_path / "a.bin").write_bytes(b"secoMd")
    with pytest.raises(Damaged, match=r"a\.bin is damaged"):
        folder.read("a.bin")


def test_nothing_is_left_beside_the_file_and_unwritable_places_are_named(tmp_path):
    write_atomically(tmp_path / "deep" / "a.bin", b"x")
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["a.bin"]
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "full").mkdir()
    with pytest.raises(RunError, match="cannot write"):
        write_atomically(tmp_path / "b", b"x")
    assert not list(tmp_path.glob(".*"))


def write_for_ever(path):
    folder = Folder(path)
    for i in range(10**9):
        folder.write("a.bin", str(i).encode() * 10000)


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path):
    for delay in (0.05, 0.11, 0.17):
        writer = multiprocessing.get_context("spawn").Process(target=write_for_ever, args=(tmp_path,))
        writer.start()
        while not (tmp_path / "a.bin").exists():
            time.sleep(0.01)
        time.sleep(delay)
        writer.kill()
        writer.join()
        data = Folder(tmp_path).read("a.bin")
        assert len({data[i : i + len(data) // 10000] for i in range(0, len(data), len(data) // 10000)}) == 1


def test_a_file_over_its_limit_is_neither_read_nor_written(tmp_path, monkeypatch):
    monkeypatch.setitem(limits.MAX_BYTES, "a.bin", 10)
    folder = Folder(tmp_path)
    folder.write_bounded("a.bin", b"x" * 10)
    assert folder.read("a.bin") == b"x" * 10
    with pytest.raises(RunError, match=r"cannot write .*a\.bin: it has 11 bytes, more than the limit of 10$"):
        folder.write_bounded("a.bin", b"x" * 11)
    folder.write("a.bin", b"x" * 11)
    with pytest.raises(TooLarge, match=r"a\.bin has 11 bytes, more than the limit of 10; remove it"):
        folder.read("a.bin")
    assert folder.read_if_intact("a.bin") is None


def test_a_sparse_file_is_not_read(tmp_path):
    (tmp_path / ".sha256").mkdir()
    for name in ("spec.json", ".sha256/a.bin", "checkpoint.pt"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(2**40)
    (tmp_path / "a.bin").write_bytes(b"x")
    for name in ("spec.json", "a.bin", "checkpoint.pt"):
        with pytest.raises(TooLarge):
            Folder(tmp_path).read(name)


@pytest.fixture
def operations(monkeypatch):
    """What is flushed and renamed, in order."""
    done, fsync, replace, rename = [], os.fsync, Path.replace, Path.rename

    def flushed(descriptor):
        done.append(("flush", Path(f"/proc/self/fd/{descriptor}").readlink().name))
        fsync(descriptor)

    def renamed(call):
        return lambda before, after: (done.append(("rename", after.name)), call(before, after))[1]

    monkeypatch.setattr(files, "flush", FLUSH)
    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed(replace))
    monkeypatch.setattr(Path, "rename", renamed(rename))
    return done


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names of open files are read from /proc")
def test_what_counts_is_on_the_disk_before_it_has_its_name(operations, tmp_path):
    Folder(tmp_path).write("a.bin", b"x")
    temporary = [name for kind, name in operations if kind == "flush" and name.endswith(".part")]
    assert all(name.startswith(".a.bin.") for name in temporary)
    one, two = temporary
    assert operations == [
        ("flush", one), ("rename", "a.bin"), ("flush", ".sha256"),
        ("flush", two), ("rename", "a.bin"), ("flush", tmp_path.name),
    ]  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names of open files are read from /proc")
def test_a_folder_has_its_name_after_its_files_are_on_the_disk(operations, tmp_path):
    write_atomically(tmp_path / "part" / "deep" / "a.bin", b"x")
    operations.clear()
    rename_durably(tmp_path / "part", tmp_path / "whole")
    flushed = {("flush", name) for name in ("a.bin", "deep", "part")}
    assert set(operations[:3]) == flushed
    assert operations[3:] == [("rename", "whole"), ("flush", tmp_path.name)]


def test_pictures_are_not_waited_for(operations, tmp_path):
    Folder(tmp_path).write("samples/1.png", b"x")
    assert not [kind for kind, _ in operations if kind == "flush"]
