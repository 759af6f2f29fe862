"""The sidecar of a prepared data set."""

import json

from images import picture
from specimens import make_request

from bench.data import preparation, sidecar
from bench.data.prepared import Prepared
from bench.io import schema
from bench.io.files import Folder


def test_the_sidecar_is_read_once(tmp_path, monkeypatch):
    prepared = Prepared(preparation.prepare(make_request("digits", tmp_path)).folder)
    reads = []
    parse = sidecar.parse
    monkeypatch.setattr(sidecar, "parse", lambda data, path: reads.append(path) or parse(data, path))
    for _ in range(3):
        assert prepared.shape == (1, 8, 8)
        assert (prepared.counts["test"], len(prepared.classes), prepared.skipped) == (400, 10, {})
        assert len(prepared.fingerprint) == 64
    assert reads == [prepared.folder / "sidecar.json"]


def test_a_check_reads_the_sidecar_again(tmp_path):
    prepared = preparation.prepare(make_request("digits", tmp_path))
    changed = prepared.sidecar.model_copy(update={"skipped": {"a.png": "it is damaged"}})
    assert prepared.skipped == {}
    schema.write(Folder(prepared.folder), "sidecar.json", changed)
    assert prepared.check()
    assert prepared.skipped == {"a.png": "it is damaged"}
    (prepared.folder / "sidecar.json").write_bytes(b"{}")
    assert not prepared.check()


def test_the_sidecar_keeps_its_format(tmp_path):
    """Prepared sets of older versions stay readable, and older versions read new ones."""
    keys = ["dataset", "source", "preprocessing", "version", "fingerprint", "signature", "classes", "splits", "skipped"]
    keys += ["skipped_images", "constant_errors", "conversions"]
    labelled = json.loads((preparation.prepare(make_request("digits", tmp_path)).folder / "sidecar.json").read_text())
    assert list(labelled) == keys
    assert labelled["preprocessing"] == {"image_size": 8, "crop": None, "channels": 1}
    assert list(labelled["splits"]["train"]) == ["images", "sha256", "labels_sha256"]
    for i in range(60):
        picture(tmp_path / "tree" / f"{i}.png", (8, 8))
    unlabelled = json.loads(
        (
            preparation.prepare(make_request("folder", tmp_path / "tree", image_size=8)).folder / "sidecar.json"
        ).read_text()
    )
    assert list(unlabelled["splits"]["train"]) == ["images", "sha256"]
