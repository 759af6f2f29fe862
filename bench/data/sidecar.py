"""`sidecar.json`, which describes a prepared data set: its fields, and how it is read and written."""

from pathlib import Path
from typing import Annotated

from pydantic import (
    BeforeValidator,
    SerializerFunctionWrapHandler,
    StringConstraints,
    field_validator,
    model_serializer,
)

from bench.data.decode import MAX_PIXELS
from bench.experiment.settings import PositiveFloat, Preprocessing
from bench.io import limits, schema, untrusted
from bench.io.files import Folder
from bench.io.schema import Hash, Name, Note, StrictModel, Whole, shortened
from bench.io.untrusted import Malformed

FILE = "sidecar.json"
MOST_CLASSES = 30_000
MOST_LISTED = 5000  # images that were left out
MAX_BYTES = 2**41  # of the images of a set, so that there is room for the hashes of their chunks
ClassName = Annotated[str, BeforeValidator(shortened(100))]
ImageName = Annotated[str, BeforeValidator(shortened(300))]
SplitName = Annotated[str, StringConstraints(pattern=r"^(train|validation|test)$")]


class Split(StrictModel):
    """One split: its number of images, the sha256 of every chunk of its images, and that of its labels."""

    images: Whole
    sha256: list[Hash]
    labels_sha256: Hash | None = None

    @model_serializer(mode="wrap")
    def _without_missing(self, serialise: SerializerFunctionWrapHandler) -> dict[str, object]:
        return {name: value for name, value in serialise(self).items() if value is not None}


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
        skipped: the first MOST_LISTED images that were left out -> the reason.
        skipped_images: how many were left out. None in sets of older versions, which list all.
        constant_errors: reconstruction loss -> its value for the best constant image on the training images. None in
            sets that version 0.1 prepared.
        conversions: None in sets that versions before 0.2 prepared.
    """

    dataset: Name
    source: Note = ""
    preprocessing: Preprocessing
    version: Note
    fingerprint: Hash
    signature: Note
    classes: list[ClassName]
    splits: dict[SplitName, Split]
    skipped: dict[ImageName, ImageName]
    skipped_images: Whole | None = None
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

    @property
    def left_out(self) -> int:
        """The number of images that were left out."""
        return len(self.skipped) if self.skipped_images is None else self.skipped_images


def parse(data: bytes, path: Path) -> Sidecar:
    """Parse the bytes of a sidecar.

    Raises:
        Malformed: `bench.data.writing` did not write them.
    """
    return schema.validate(untrusted.parse_json(data, path, limits.MAX_SIDECAR_BYTES), Sidecar, path)


def read(folder: Path) -> Sidecar:
    """Read the sidecar of a prepared data set, without verifying its checksum.

    Raises:
        Malformed: it is not a sidecar.
        OSError: it cannot be read.
    """
    path = folder / FILE
    return parse(untrusted.read_bounded(path, limits.MAX_SIDECAR_BYTES), path)


def read_verified(folder: Path) -> Sidecar | None:
    """Read a sidecar and verify its checksum; None if it is missing or damaged, or if `folder` is unsafe to read."""
    try:
        untrusted.refuse_unsafe_tree(folder)
        data = Folder(folder).read_if_intact(FILE)
        return None if data is None else parse(data, folder / FILE)
    except Malformed:
        return None
