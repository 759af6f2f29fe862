"""Splitting and shuffling the images of a source."""

import numpy as np

from bench.data import datasets
from bench.data.sources import Part, Source
from bench.errors import UserError, reason

SPLITS = ("train", "validation", "test")
HELD_OUT = 5000  # training images for validation, at most, where no validation split is published


def load(source: Source) -> dict[str, Part]:
    try:
        return source.load()
    except Exception as error:  # whatever torchvision and pickle make of a truncated file
        message = f"cannot read {source.about} in {source.root}: {reason(error)}; remove what is damaged there"
        raise UserError(message) from error


def split_parts(name: str, loaded: dict[str, Part]) -> dict[str, Part]:
    """Shuffle each part by a fixed permutation; cut what is missing off the end of what there is.

    RandomState, because numpy guarantees its stream for ever.
    """
    random = np.random.RandomState(0)
    parts = {}
    for split in sorted(loaded, reverse=True):  # validation, train, test: the order decides the permutations
        part = loaded[split]
        parts[split] = part.take(random.permutation(len(part.images)))
    if "all" in parts:  # one published part: cut it as its facts say
        train, validation, _ = datasets.DATASETS[name].images or (0, 0, 0)
        bounds = np.cumsum([train, validation])
        pieces = np.split(np.arange(len(parts["all"].images)), bounds)
        parts = {split: parts["all"].take(rows) for split, rows in zip(SPLITS, pieces, strict=True)}
    elif "validation" not in parts and "train" in parts:
        train = parts["train"]
        rows = np.arange(len(train.images))
        held_out = min(HELD_OUT, len(rows) // 10)
        cut = len(rows) - held_out
        parts |= {"train": train.take(rows[:cut]), "validation": train.take(rows[cut:])}
    empty = [split for split in SPLITS if split not in parts or not len(parts[split].images)]
    if empty:
        raise UserError(f"{name} has too few images: none is left for {empty[0]}; add images")
    return {split: parts[split] for split in SPLITS}
