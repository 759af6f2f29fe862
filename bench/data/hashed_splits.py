"""Splits that a hash decides, for sources without published ones: adding images moves no other image."""

from typing import TYPE_CHECKING

import numpy as np

from bench.errors import UserError
from bench.io.files import sha256

if TYPE_CHECKING:
    from bench.data.sources import SourceSplit

HELD_OUT_SHARES = {"test": 0.1, "validation": 0.1}  # the rest is for training


def split_by_hash(content: bytes) -> str:
    """Return the split of an image, from bytes that identify it: its relative path, or its content."""
    uniform = int(sha256(content)[:8], 16) / 16**8  # in [0, 1)
    bound = 0.0
    for split, held_out in HELD_OUT_SHARES.items():
        bound += held_out
        if uniform < bound:
            return split
    return "train"


def divide_by_content(images: "SourceSplit", origin: object) -> dict[str, "SourceSplit"]:
    """Divide images by the hash of their content, so that copies of one image are in the same split.

    Raises:
        UserError: a split has no images, or a class has no training images.
    """
    split_of = np.array([split_by_hash(images.images.content(row)) for row in range(len(images.images))])
    splits = {split: images.take(np.flatnonzero(split_of == split)) for split in ("train", *HELD_OUT_SHARES)}
    empty = [split for split, part in splits.items() if not len(part.images)]
    if empty:
        raise UserError(f"{origin} has too few images: none are left for {empty[0]}; add images")
    if images.labels is not None:
        unseen = np.setdiff1d(images.labels, images.labels[split_of == "train"])
        if len(unseen):
            raise UserError(
                f"{origin} has too few images of class {unseen[0]}: none are left for training; add some, or give "
                "train and test images, or no labels"
            )
    return splits
