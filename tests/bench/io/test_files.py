"""Atomic writes, with checksums that detect damage."""

import multiprocessing
import time

import pytest

from bench.errors import RunError
from bench.io import limits
from bench.io.files import Damaged, Folder, TooLarge, write_atomically


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
