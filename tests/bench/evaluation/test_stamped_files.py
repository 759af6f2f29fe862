"""Files that are computed once: made again only if they are missing, damaged or have another stamp."""

import json

import pytest

from bench.evaluation.stamped_files import StampedFiles
from bench.io.files import Folder

STAMP = {"extractor": "a"}
OTHER = "belongs to another extractor"


def parse(data: bytes) -> dict:
    return json.loads(data)


class Maker:
    """Makes the n-th version of a file."""

    def __init__(self, stamp: dict[str, str]) -> None:
        self.count, self.stamp = 0, stamp

    def __call__(self) -> bytes:
        self.count += 1
        return json.dumps({"version": self.count} | self.stamp).encode()


@pytest.fixture
def files(tmp_path):
    return StampedFiles(Folder(tmp_path), "a", STAMP)


def test_a_file_is_made_once(files, capsys):
    make = Maker(STAMP)
    assert files.get("b.json", make, parse)["version"] == 1
    assert files.get("b.json", make, parse)["version"] == 1
    assert make.count == 1
    assert files.folder.exists("a-b.json")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("spoil", "defect"),
    [
        (lambda path: path.write_bytes(b"{"), "is damaged"),
        (lambda path: Folder(path.parent).write(path.name, b"[1, 2"), OTHER),
        (lambda path: Folder(path.parent).write(path.name, b'{"version": 0}'), OTHER),
        (
            lambda path: Folder(path.parent).write(path.name, Maker({"extractor": "c"})()),
            OTHER,
        ),
    ],
    ids=["damaged", "unreadable", "without a stamp", "another stamp"],
)
def test_a_file_that_cannot_be_used_is_made_again_with_a_warning(files, tmp_path, capsys, spoil, defect):
    make = Maker(STAMP)
    files.get("b.json", make, parse)
    spoil(tmp_path / "a-b.json")
    assert files.get("b.json", make, parse)["version"] == 2
    warning = capsys.readouterr().err
    assert warning.startswith(f"warning: {tmp_path / 'a-b.json'} {defect}")
    assert files.get("b.json", make, parse)["version"] == 2
