"""Lock files in folders from somebody else."""

import os

import pytest

from bench.io.locks import Timeout, file_lock
from bench.io.untrusted import Malformed


def test_a_lock_is_held_by_one(tmp_path):
    with file_lock(tmp_path / ".lock"), pytest.raises(Timeout):
        file_lock(tmp_path / ".lock").acquire(timeout=0)
    with file_lock(tmp_path / ".lock").acquire(timeout=0):
        pass


@pytest.mark.parametrize("target", ["precious", "missing"])
def test_a_link_is_no_lock(target, tmp_path):
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / ".lock").symlink_to(tmp_path / target)
    with pytest.raises(Malformed, match="is a link, not a lock; remove it"):
        file_lock(tmp_path / ".lock")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "missing").exists()


def test_a_pipe_is_no_lock(tmp_path):
    os.mkfifo(tmp_path / ".lock")
    with pytest.raises(Malformed, match="is a special file"):
        file_lock(tmp_path / ".lock")


def test_a_link_that_appears_between_the_check_and_the_opening_is_not_followed(tmp_path):
    """The required release of filelock refuses links itself."""
    (tmp_path / "precious").write_bytes(b"precious")
    lock = file_lock(tmp_path / ".lock")
    (tmp_path / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic link"):
        lock.acquire(timeout=0)
    assert (tmp_path / "precious").read_bytes() == b"precious"
