"""`sidecar.json`, which describes a prepared data set: its fields, and how it is read and written."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints, field_validator

from bench.data.decode import MAX_PIXELS
from bench.experiment.settings import PositiveFloat, Preprocessing
from bench.io import limits, schema, untrusted
from bench.io.files import Folder
from bench.io.schema import Hash, Name, StrictModel, Whole
from bench.io.untrusted import Malformed

FILE = "sidecar.json"
SplitName = Annotated[str, StringConstraints(pattern=r"^(train|validation|test)$")]


class Split(StrictModel):
    """One split: its number of images, the sha256 of every chunk of its images, and that of its labels."""

    images: Whole
    sha256: list[Hash]
    labels_sha256: Hash | None = None


class ConstantErrors(StrictModel):
    """Errors of the best constant reconstruction, beyond those of a perfect one (`bench.data.constant_errors`)."""

    squared_error: PositiveFloat
    cross_entropy: PositiveFloat


class Conversions(StrictModel):
    """Numbers of images that were converted: grey ones to colour, and transparent ones (`bench.data.conversions`)."""

    grey: Whole = 0
    transparent: Whole = 0


class Sidecar(StrictModel):
    """The content of `sidecar.json`.

    Attributes:
        version: how images are decoded (`bench.data.writing.VERSION`).
        signature: hash of the source files' names, sizes and dates.
        classes: their names; empty if the images have no labels.
        skipped: images that were left out -> the reason.
        constant_errors: reconstruction loss -> its value for the best constant image on the training images. None in
            sets that version 0.1 prepared.
        conversions: None in sets that versions before 0.2 prepared.
    """

    dataset: Name
    source: str = ""
    preprocessing: Preprocessing
    version: str
    fingerprint: Hash
    signature: str
    classes: list[str]
    splits: dict[SplitName, Split]
    skipped: dict[str, str]
    constant_errors: ConstantErrors | None = None
    conversions: Conversions | None = None

    @field_validator("preprocessing")
    @classmethod
    def _has_image_size(cls, preprocessing: Preprocessing) -> Preprocessing:
        if preprocessing.image_size is None:
            raise ValueError("has no image_size")
        if preprocessing.image_size**2 > MAX_PIXELS:  # images are never enlarged
            raise ValueError("has a larger image_size than any image that is read")
        return preprocessing

    def to_json(self) -> bytes:
        """Return the bytes of `sidecar.json`."""
        document = self.model_dump()
        for split in document["splits"].values():
            if split["labels_sha256"] is None:
                del split["labels_sha256"]
        return json.dumps(document, indent=2).encode()


def parse(data: bytes, path: Path) -> Sidecar:
    """Parse the bytes of a sidecar.

    Raises:
        Malformed: `bench.data.writing` did not write them.
    """
    return schema.validate(untrusted.parse_json(data, path, limits.MAX_LIST_BYTES), Sidecar, path)


def read(folder: Path) -> Sidecar:
    """Read the sidecar of a prepared data set, without verifying its checksum.

    Raises:
        Malformed: it is not a sidecar.
        OSError: it cannot be read.
    """
    path = folder / FILE
    return parse(untrusted.read_bounded(path, limits.MAX_LIST_BYTES), path)


def read_verified(folder: Path) -> Sidecar | None:
    """Read a sidecar and verify its checksum; None if it is missing or damaged, or if `folder` is unsafe to read."""
    try:
        untrusted.refuse_unsafe_tree(folder)
        data = Folder(folder).read_if_intact(FILE)
        return None if data is None else parse(data, folder / FILE)
    except Malformed:
        return None
