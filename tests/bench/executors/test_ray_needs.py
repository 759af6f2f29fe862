"""What Ray needs of this machine is checked before it is started."""

from pathlib import Path

import pytest

from bench.errors import RunError
from bench.executors import ray_needs
from bench.executors.ray_needs import check_local_ray


@pytest.fixture(autouse=True)
def temporary(monkeypatch):
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", "/tmp")


def test_an_ordinary_machine_passes():
    check_local_ray()


def test_a_long_temporary_folder_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setenv("TMPDIR", "/tmp/" + 115 * "x")
    with pytest.raises(RunError, match=r"sockets .* 1\d\d bytes, more than the 10[37] .* set RAY_TMPDIR to"):
        check_local_ray()
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")
    check_local_ray()


def test_the_longest_folder_that_fits_is_what_ray_takes(monkeypatch):
    from ray._private.utils import validate_socket_filepath

    room = ray_needs.SOCKET_BYTES - len(f"/{ray_needs.SOCKET}")
    monkeypatch.setenv("TMPDIR", "/" + (room - 1) * "x")
    check_local_ray()
    validate_socket_filepath(f"/{(room - 1) * 'x'}/{ray_needs.SOCKET}")
    monkeypatch.setenv("TMPDIR", "/" + room * "x")
    with pytest.raises(RunError, match="sockets"):
        check_local_ray()


def test_a_temporary_folder_that_cannot_be_written_is_refused_with_the_way_out(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "file"))
    with pytest.raises(RunError, match=r"cannot write its temporary folder .*file/ray; set RAY_TMPDIR .* serial"):
        check_local_ray()
    monkeypatch.setattr("os.access", lambda path, _: Path(path) != tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with pytest.raises(RunError, match="cannot write its temporary folder"):
        check_local_ray()
