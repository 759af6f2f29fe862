"""What sidecar.json of a prepared data set says, and reading it."""

from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from bench.experiment.settings import Preprocessing
from bench.io import schema, untrusted
from bench.io.files import Folder
from bench.io.schema import Document, Hash, Name, Whole
from bench.io.untrusted import Malformed


class Split(Document):
    images: Whole
    sha256: list[Hash]
    labels_sha256: Hash | None = None


class Sidecar(Document):
    """sidecar.json, of a prepared data set; its preprocessing is checked as settings are."""

    dataset: Name
    preprocessing: dict[str, int | None]
    version: str
    fingerprint: Hash
    signature: str
    classes: list[str]
    splits: dict[Literal["train", "validation", "test"], Split]
    skipped: dict[str, str]


def _readable(sidecar: Path) -> dict[str, Any] | None:
    """What a sidecar says; None where it is missing or damaged."""
    try:
        untrusted.look_over(sidecar.parent)
        whole = Folder(sidecar.parent).read_whole(sidecar.name)
        return None if whole is None else _said(whole, sidecar)
    except Malformed:
        return None


def _said(whole: bytes, sidecar: Path) -> dict[str, Any]:
    """What a sidecar's bytes say; Malformed where that is not what `bench.data.writing` writes."""
    said = untrusted.document(whole, sidecar, untrusted.LIST)
    schema.validate(said, Sidecar, sidecar)
    try:
        assert Preprocessing.model_validate(said["preprocessing"]).image_size
    except (ValidationError, AssertionError):
        raise Malformed(sidecar, "has no preprocessing that can be read; remove it") from None
    return said
