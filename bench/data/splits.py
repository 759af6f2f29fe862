"""Train, validation and test splits of a source, in a fixed random order."""

from collections.abc import Mapping

import numpy as np

from bench.data import datasets
from bench.data.sources import SourceSplit
from bench.errors import UserError

SPLITS = ("train", "validation", "test")
# All images that were published for training: published FIDs of CIFAR-10 are measured against its 50,000.
UNIONS = {"train_and_validation": ("train", "validation")}
MAX_HELD_OUT = 5000  # training images that become the validation split if none is published


def counts_text(counts: Mapping[str, int]) -> str:
    """Return '1,000 train, 397 validation and 400 test images'."""
    *first, last = (f"{counts[split]:,} {split}" for split in SPLITS)
    return f"{', '.join(first)} and {last} images"


def make_splits(name: str, source_splits: dict[str, SourceSplit]) -> dict[str, SourceSplit]:
    """Shuffle the splits of a source by fixed permutations, and cut the missing splits from those that exist.

    The permutations come from RandomState, whose stream numpy guarantees never to change.

    Args:
        name: of the data set.
        source_splits: train, test and optionally validation; or all images as "all".

    Raises:
        UserError: a split would be empty.
    """
    random = np.random.RandomState(0)
    splits = {}
    for split in sorted(source_splits, reverse=True):  # validation, train, test: the order decides the permutations
        images = source_splits[split]
        splits[split] = images.take(random.permutation(len(images.images)))
    if "all" in splits:
        splits = _divide(splits["all"], datasets.get(name).images or (0, 0, 0))
    elif "validation" not in splits and "train" in splits:
        splits |= _hold_out(splits["train"])
    empty = [split for split in SPLITS if split not in splits or not len(splits[split].images)]
    if empty:
        raise UserError(f"{name} has too few images: none are left for {empty[0]}; add images")
    return {split: splits[split] for split in SPLITS}


def _divide(images: SourceSplit, counts: tuple[int, int, int]) -> dict[str, SourceSplit]:
    """Divide all images; `counts` are those of train, validation and test."""
    pieces = np.split(np.arange(len(images.images)), np.cumsum(counts[:2]))
    return {split: images.take(rows) for split, rows in zip(SPLITS, pieces, strict=True)}


def _hold_out(train: SourceSplit) -> dict[str, SourceSplit]:
    """Turn the end of the training images into the validation split."""
    rows = np.arange(len(train.images))
    cut = len(rows) - min(MAX_HELD_OUT, len(rows) // 10)
    return {"train": train.take(rows[:cut]), "validation": train.take(rows[cut:])}
