"""Prepared data sets."""

from specimens import make_request

from bench.data import preparation
from bench.io.files import Folder


def test_a_read_only_prepared_set_leaves_its_statistics_with_the_experiment(monkeypatch, tmp_path):
    digits = preparation.prepare(make_request("digits", tmp_path / "data"))
    assert digits.features(fallback=Folder(tmp_path)).path == digits.folder / "features"
    monkeypatch.setattr("os.access", lambda *_: False)
    assert digits.features(fallback=Folder(tmp_path)).path == tmp_path
