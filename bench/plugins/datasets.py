"""The contract of data sets: a function that returns arrays of images, and of labels if there are classes.

    def stripes():
        "Sloping stripes, computed."
        return {"images": images, "labels": labels}

    DATASETS = {"stripes": Dataset(stripes, image_size=16, channels=1, classes=("left", "right"))}

The arrays have the names, shapes and values of those in an array file (--dataset arrays): `images` and `labels`, which
are split by the images' content; or `train_images`, `train_labels`, `test_images`, ... A function with a parameter
`root` is given the folder NAME in the data root, where its files are; one without parameters computes its images. They
are prepared once, and fingerprinted by their pixels and labels. --dataset NAME chooses the data set.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.data import datasets
from bench.data.array_files import image_and_label_names, labels_of, pixels, split_of
from bench.data.decode import Pixels
from bench.data.hashed_splits import divide_by_content
from bench.data.sources import Source, SourceSplit
from bench.errors import UserError
from bench.experiment.configuration import DATASET_SETTINGS, Settings, merge, resolve, section
from bench.experiment.network import with_network
from bench.experiment.settings import Experiment
from bench.experiment.variants import parse_variants
from bench.io.files import sha256
from bench.plugins.trying import Untested, first_line
from bench.runtime.code_location import naming
from bench.training.optimisers import refuse_unknown


@dataclass(frozen=True)
class Dataset:
    """A data set.

    Attributes:
        load: a function of `root`, or of nothing, that returns arrays by name.
        image_size: side of the prepared images; larger images are reduced.
        channels: 1 or 3.
        classes: their names, in the order of the labels 0, 1, ...; empty if there are no labels.
        settings: others that differ from the defaults on this data set, such as {"training": {"epochs": 10}}.
    """

    load: Callable[..., Mapping[str, Any]]
    image_size: int
    channels: int = 3
    classes: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def needs_files(self) -> bool:
        """Whether it reads files."""
        return bool(inspect.signature(self.load).parameters)


def register(name: str, dataset: object, version: str) -> None:
    """Make the data set one that --dataset may name.

    Raises:
        TypeError: it is no `Dataset`, or its function has other parameters.
        ValueError: its size, channels or settings are not allowed.
    """
    if not isinstance(dataset, Dataset):
        raise TypeError("is not a bench.plugins.Dataset; write Dataset(function, image_size=32)")
    parameters = list(inspect.signature(dataset.load).parameters) if callable(dataset.load) else ["?"]
    if parameters not in ([], ["root"]):
        raise TypeError("its load must be a function of root, or of nothing")
    if not isinstance(dataset.classes, tuple | list) or not all(isinstance(each, str) for each in dataset.classes):
        raise TypeError('its classes must be names, such as classes=("cat", "dog")')
    if not isinstance(dataset.settings, Mapping):
        raise TypeError('its settings must be sections, such as settings={"training": {"epochs": 10}}')
    DATASET_SETTINGS[name] = _settings(name, dataset)

    def find(root: Path) -> Source | None:
        folder = root / name
        if dataset.needs_files and not folder.is_dir():
            return None
        files = sorted(path for path in folder.rglob("*") if path.is_file()) if dataset.needs_files else []
        reader = partial(splits, name, dataset, folder)
        return ComputedSource(f"the data set {name}", folder, files, reader, [*dataset.classes], version=version)

    about, layout = first_line(dataset.load, f"{name}, of a plug-in"), f"its files in {name}/"
    datasets.DATASETS[name] = datasets.Dataset(about, None, find, layout, labelled=bool(dataset.classes))


def _settings(name: str, dataset: Dataset) -> Settings:
    """The settings of the data set, by section. Names in them, as of networks, may be registered later."""
    size = {"image_size": dataset.image_size, "channels": dataset.channels}
    settings = merge({"preprocessing": size}, dict(dataset.settings))
    try:
        section(Experiment, {"dataset": name, **settings})
    except UserError as error:
        raise ValueError(f"settings of the data set: {error}") from None
    return settings


@dataclass(frozen=True)
class ComputedSource(Source):
    """Images that a function returns. They are identified by their pixels and labels, whatever computes them.

    Attributes:
        version: of the function's code, which decides whether the images have to be computed to be identified.
    """

    version: str = ""

    def signature(self) -> str:
        """Return a hash of the code, and of the files' names, sizes and dates."""
        return sha256((self.version + super().signature()).encode())

    def content_hashes(self) -> list[list[str]]:
        """Return the sha256 of the pixels and labels of every split."""
        return [[name, digest] for name, split in sorted(self.load().items()) for digest in _hashes(split)]


def _hashes(split: SourceSplit) -> Iterator[str]:
    assert isinstance(split.images, Pixels)  # `splits` returns no others
    array = np.ascontiguousarray(split.images.array)
    yield sha256(f"{array.shape}".encode() + array.tobytes())
    if split.labels is not None:
        yield sha256(split.labels.astype(np.int64).tobytes())


def splits(name: str, dataset: Dataset, folder: Path) -> dict[str, SourceSplit]:
    """Return the images by split: train, test and perhaps validation; or "all".

    Raises:
        UserError: the function fails, or does not return images and labels.
    """
    origin = f"the data set {name}"
    with naming(origin, dataset.load):
        arrays = dataset.load(folder) if dataset.needs_files else dataset.load()
    if not isinstance(arrays, Mapping):
        raise UserError(f"{origin} must return arrays by name, such as {{'images': ...}}, not {type(arrays).__name__}")
    found = {}
    for split, (images, labels) in image_and_label_names(arrays, origin).items():
        numbers = labels_of(arrays, labels, origin) if dataset.classes else None
        if dataset.classes and numbers is None:
            missing = "labels" if split == "all" else f"{split}_labels"
            raise UserError(f"{origin} has classes, but returns no {missing}; it returns {', '.join(arrays)}")
        if numbers is not None and len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(dataset.classes):
            raise UserError(f"{origin} has a label outside 0 to {len(dataset.classes) - 1}, the numbers of its classes")
        array = pixels(arrays[images], f"{origin}: {images}")
        found[split] = split_of(origin, array, numbers, list(range(len(dataset.classes))))
    return divide_by_content(found["all"], origin) if "all" in found else found


def _check_settings(name: str) -> None:
    try:
        experiment = with_network(resolve({"dataset": name}))
        parse_variants(experiment.methods, experiment.defaults)
        refuse_unknown(experiment.training)
    except UserError as error:
        raise UserError(f"settings of the data set {name}: {error}") from None


def check(name: str, dataset: Dataset, root: Path) -> None:
    """Resolve the settings, and load the images twice. root: the data root.

    Raises:
        UserError: a setting names what does not exist; or the images are no images and labels, or smaller than
            `image_size`, or change when they are loaded again.
        Untested: its files are not in the data root.
    """
    _check_settings(name)
    folder = root / name
    if dataset.needs_files and not folder.is_dir():
        raise Untested(f"its files are not in {folder}")
    loaded = [splits(name, dataset, folder) for _ in range(2)]
    if [[*_hashes(split)] for split in loaded[0].values()] != [[*_hashes(split)] for split in loaded[1].values()]:
        raise UserError(f"the data set {name} gives other images the second time; seed its random numbers")
    for split in loaded[0].values():
        assert isinstance(split.images, Pixels)
        side = min(split.images.array.shape[1:3])
        if side < dataset.image_size:
            size = dataset.image_size
            raise UserError(f"images of {name} are {side} pixels wide or high, less than image_size={size}")
