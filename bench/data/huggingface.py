"""A Hugging Face data set on disk, as `Dataset.save_to_disk` writes it, through the optional package `datasets`."""

import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.data.decode import Rows, crop_and_resize, name_in_errors, open_image
from bench.data.hashed_splits import divide_by_content
from bench.data.image_tree import SPLIT_FOLDERS
from bench.data.sources import Source, SourceSplit
from bench.errors import UserError, reason
from bench.experiment.settings import Preprocessing


def huggingface(folder: Path) -> Source | None:
    """The images of a data set on disk; None if `folder` does not exist.

    The one column of images is used; a column of class labels gives the classes. Splits are named train, test and
    perhaps validation; one split, or none, is divided by the sha256 of the images' files.

    Raises:
        UserError: the package is missing, the folder is no such data set, or it has no or several columns of images.
    """
    if not folder.is_dir():
        return None
    splits = _loaded(folder)
    first = next(iter(splits.values()))
    column, label = _image_column(first.features, folder), _label_column(first.features)
    names = _split_names(list(splits), folder)

    def load() -> dict[str, SourceSplit]:
        loaded = {
            split: SourceSplit(
                Records(np.arange(len(splits[name])), folder, name, column),
                np.asarray(splits[name][label], dtype=np.int64) if label else None,
            )
            for split, name in names.items()
        }
        return divide_by_content(loaded["all"], folder) if "all" in loaded else loaded

    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in (".arrow", ".json"))
    classes = list(first.features[label].names) if label else []
    return Source(f"Hugging Face data set {folder.name}", folder, files, load, classes)


@dataclass(frozen=True)
class Records(Rows):
    """Images of one split, decoded on demand. Cheap to send to other processes.

    Attributes:
        folder: of the data set.
        split: its name there.
        column: of the images.
    """

    folder: Path
    split: str
    column: str

    def name(self, row: int) -> str:
        """Return the image's name for messages."""
        return f"{self.folder.name}[{self.split!r}][{self.rows[row]}]"

    def content(self, row: int) -> bytes:
        """Return the bytes of one image file."""
        record = _undecoded(self.folder, self.split, self.column)[int(self.rows[row])][self.column]
        return record["bytes"] if record["bytes"] is not None else Path(record["path"]).read_bytes()

    def decode(self, row: int, preprocessing: Preprocessing) -> np.ndarray:
        """Decode one image to uint8 [channels, side, side].

        Raises:
            UnusableImage: it names the image.
        """
        name = self.name(row)
        with name_in_errors(name), open_image(io.BytesIO(self.content(row))) as (image, orientation):
            return crop_and_resize(image, preprocessing, orientation)


@lru_cache(maxsize=4)
def _loaded(folder: Path) -> dict[str, Any]:
    """Split -> the data set. A data set without splits is "all"."""
    try:
        import datasets
    except ImportError:
        raise UserError(f"reading {folder} needs the package datasets; pip install datasets") from None
    try:
        loaded = datasets.load_from_disk(str(folder))
    except Exception as error:  # the library raises many types
        remedy = "it must be a folder that Dataset.save_to_disk wrote"
        raise UserError(f"cannot read {folder}: {reason(error)[:150]}; {remedy}") from error
    divided = isinstance(loaded, datasets.DatasetDict)
    splits = {str(name): part for name, part in loaded.items()} if divided else {"all": loaded}
    if not splits:
        raise UserError(f"{folder} has no splits")
    return splits


@lru_cache(maxsize=16)
def _undecoded(folder: Path, split: str, column: str) -> Any:
    """The split, whose images are bytes: `bench.data.decode` opens them, as it does all images."""
    import datasets

    return _loaded(folder)[split].cast_column(column, datasets.Image(decode=False))


def _image_column(features: Any, folder: Path) -> str:
    import datasets

    images = [name for name, feature in features.items() if isinstance(feature, datasets.Image)]
    if len(images) != 1:
        listed = f"{len(images)} columns of images ({', '.join(images)})" if images else "no column of images"
        raise UserError(f"{folder} has {listed}; keep exactly one, as a feature of the type Image")
    return images[0]


def _label_column(features: Any) -> str | None:
    import datasets

    labels = [name for name, feature in features.items() if isinstance(feature, datasets.ClassLabel)]
    return labels[0] if len(labels) == 1 else None


def _split_names(names: list[str], folder: Path) -> dict[str, str]:
    """Our split -> its name in the data set; "all" if there is only one."""
    if len(names) == 1:
        return {"all": names[0]}
    split_of = {SPLIT_FOLDERS.get(name.lower(), name): name for name in names}
    missing = [split for split in ("train", "test") if split not in split_of]
    if missing:
        raise UserError(
            f"{folder} has the splits {', '.join(names)}, but no {missing[0]}; rename one, or save a single split, "
            "which is then divided"
        )
    return {split: name for split, name in split_of.items() if split in ("train", "validation", "test")}
