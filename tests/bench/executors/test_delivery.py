"""What nodes fetch that do not see the driver's files."""

from dataclasses import replace

import pytest
from specimens import make_request

from bench.data import preparation
from bench.data.prepared import Prepared
from bench.errors import RunError
from bench.executors import delivery
from bench.executors.base import Inputs


@pytest.fixture
def inputs(tmp_path):
    prepared = preparation.prepare(make_request("digits", tmp_path / "data"))
    (tmp_path / "extractor").mkdir()
    (tmp_path / "extractor" / "extractor.pt").write_bytes(b"network")
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"inception")
    return Inputs(prepared.folder, prepared.folder / "features", tmp_path / "extractor", weights)


@pytest.fixture
def node(inputs, tmp_path, monkeypatch):
    """Inputs as a node that sees nothing of them gets them, each time as a new process; and what it fetched."""
    monkeypatch.setenv(delivery.CACHE_VARIABLE, str(tmp_path / "cache"))
    sets = delivery.file_sets(inputs)
    blind = {kind: replace(files, folder=tmp_path / "nowhere" / kind) for kind, files in sets.items()}
    fetched = []

    def here() -> Inputs:
        monkeypatch.setattr(delivery, "_located", {})
        fetched.clear()
        return delivery.locate(inputs, blind, lambda *which: fetched.append(which) or delivery.read_chunk(sets, *which))

    return here, fetched, sets


def test_who_sees_the_files_fetches_nothing(inputs):
    delivery._located.clear()
    found = delivery.locate(inputs, delivery.file_sets(inputs), lambda *_: pytest.fail("it sees them"))
    assert found == inputs


def test_a_node_fetches_once_and_has_what_the_driver_has(node, inputs, tmp_path, monkeypatch):
    monkeypatch.setattr(delivery, "CHUNK_BYTES", 1000)
    here, fetched, _ = node
    found = here()
    assert fetched
    assert found.data.is_relative_to(tmp_path / "cache")
    assert Prepared(found.data).check()
    assert Prepared(found.data).fingerprint == Prepared(inputs.data).fingerprint
    assert (found.extractor / "extractor.pt").read_bytes() == b"network"
    assert found.inception is not None
    assert found.inception.read_bytes() == b"inception"
    assert found.features.is_dir()
    assert found.features.is_relative_to(tmp_path / "cache")
    assert here() == found
    assert fetched == []


@pytest.mark.parametrize("harm", ["changed", "emptied"])
def test_a_copy_that_something_has_happened_to_is_fetched_again(node, harm):
    here, fetched, _ = node
    found = here()
    images = found.data / "train-images.npy"
    if harm == "changed":
        content = bytearray(images.read_bytes())
        content[-1] ^= 1
        images.write_bytes(bytes(content))
    else:
        for path in found.data.glob("*.npy"):
            path.unlink()
    assert here() == found
    assert {kind for kind, *_ in fetched} == {"data"}
    assert Prepared(found.data).check()


def test_what_comes_damaged_is_refused(node, inputs, monkeypatch):
    here, _, sets = node
    monkeypatch.setattr(delivery, "read_chunk", lambda *_: b"?" * 10)
    with pytest.raises(RunError, match="differs from the original"):
        here()
    assert sets["data"].name != replace(sets["data"], parent="x").name
    assert inputs.data.is_dir()
