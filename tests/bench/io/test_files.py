"""Atomic writes, with checksums that detect damage."""

import multiprocessing
import time

import pytest

from bench.errors import RunError
from bench.io.files import Damaged, Folder, write_atomically


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
