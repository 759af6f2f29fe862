"""Reference statistics: features of real images and their floors, computed once per prepared data set and extractor.

The files are `<extractor sha256>-<precision>-<features>-<split>.npz`. They hold `mu` and `sigma` (mean and covariance),
which pytorch-fid can read too.
"""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bench.data.images import batch_size
from bench.data.prepared import Prepared
from bench.errors import UserError
from bench.evaluation.features import KEPT_IMAGES, Extractor, Features, compare_features, extract
from bench.evaluation.stamped_files import StampedFiles
from bench.io import tables, untrusted
from bench.io.files import Folder
from bench.metrics.columns import METRICS
from bench.metrics.frechet import Gaussian
from bench.runtime.numerics import exact_arithmetic
from bench.runtime.rng import forked

VERSION = 1  # of the files' content; increase it with every change of a metric
MIN_IMAGES = 10  # real images that all metrics need


@dataclass(frozen=True)
class Reference:
    """The real images of a split, with which generated images are compared.

    Attributes:
        split: the name of the split.
        features: the features of its images.
        floors: the metrics of `n_floor` real images of another split. A Frechet distance falls as the number of images
            grows. If n_floor is below the number of generated images, even a perfect generator scores below the floor.
        n_floor: as many as generated images, or all images of the other split if it has fewer.
        n_neighbours: as in `compare_features`; floors and scores use the same number.
    """

    split: str
    features: Features
    floors: dict[str, float]
    n_floor: int
    n_neighbours: int


class References:
    """Computes references of a prepared data set in one extractor's features, and stores them in `folder`.

    One process computes what is missing while other processes that need it wait.
    """

    def __init__(self, folder: Folder, extractor: Extractor, data: Prepared, device: torch.device) -> None:
        exact_arithmetic()  # before any feature is computed, here or by a scorer that uses these references
        self.folder, self.extractor, self.data, self.device = folder, extractor, data, device
        stamp = {
            "extractor_sha256": extractor.sha256,
            "fingerprint": data.fingerprint,
            "version": f"{VERSION}, {KEPT_IMAGES} kept",
        }
        self.files = StampedFiles(folder, f"{extractor.sha256[:16]}-{extractor.precision}-{extractor.dim}", stamp)

    def get(self, split: str, other: str, samples: int, full: bool) -> Reference:
        """Return the reference of `split`, with floors from the first `samples` images of the split `other`.

        Args:
            split: the split of the real images, or a union of splits (`splits.UNIONS`).
            other: the split that the floors are measured on.
            samples: the number of generated images that will be compared.
            full: include precision, recall, density and coverage.

        Raises:
            UserError: one of the splits has too few images.
        """
        counts = {each: self.data.count(each) for each in (split, other)}
        for each, count in counts.items():
            if count < MIN_IMAGES:
                name = self.data.sidecar.dataset
                raise UserError(f"{name} has {count} {each} images, but metrics need at least {MIN_IMAGES}")
        n_floor = min(samples, counts[other])
        n_neighbours = min(KEPT_IMAGES, samples, *counts.values()) if full else 0
        real = self._features(split)
        name = f"floor-{split}-{other}-{n_floor}-{n_neighbours}.json"
        content = self.files.get(name, lambda: self._floors(real, other, n_floor, n_neighbours), _parse_floors)
        floors = {key: value for key, value in content.items() if not isinstance(value, str)}
        return Reference(split, real, floors, n_floor, n_neighbours)

    def _floors(self, real: Features, other: str, n: int, n_neighbours: int) -> bytes:
        with forked(0):
            floors = compare_features(self._features(other, n), real, n_neighbours)
        return json.dumps(floors | self.files.stamp).encode()

    def _features(self, split: str, n: int | None = None) -> Features:
        """Features of the first `n` images of a split; None: of all images."""
        count = self.data.count(split)
        name = f"{split}.npz" if n in (None, count) else f"{split}-{n}.npz"
        arrays = self.files.get(name, lambda: self._extracted(split, n or count), self._parser())
        mean, covariance, values = (
            torch.from_numpy(arrays[key]).to(self.device) for key in ("mu", "sigma", "features")
        )
        return Features(Gaussian(int(arrays["n"]), mean, covariance), values)

    def _extracted(self, split: str, n: int) -> bytes:
        batches = self.data.batches(split, n, batch_size(*self.data.shape[1:]))
        features = extract(self.extractor, map(torch.from_numpy, batches), self.device)
        arrays: dict[str, Any] = {
            "mu": features.gaussian.mean.cpu().numpy(),
            "sigma": features.gaussian.covariance.cpu().numpy(),
            "n": features.gaussian.n,
            "features": features.values.cpu().numpy(),
            **self.files.stamp,
        }
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        return buffer.getvalue()

    def _parser(self) -> Callable[[bytes], dict[str, np.ndarray]]:
        """A parser of the files that `_extracted` makes. It raises ValueError for all other files."""
        d = self.extractor.dim
        shapes = {"mu": (d,), "sigma": (d, d), "features": (None, d), "n": (), **dict.fromkeys(self.files.stamp, ())}

        def parse(data: bytes) -> dict[str, np.ndarray]:
            arrays = tables.parse_npz(data, shapes)
            kinds = {key: arrays[key].dtype.kind for key in ("mu", "sigma", "features", "n")}
            if kinds != {"mu": "f", "sigma": "f", "features": "f", "n": "i"}:
                raise ValueError("its arrays are not numbers")
            return arrays

        return parse


def _parse_floors(data: bytes) -> dict[str, Any]:
    """Parse a file that `References._floors` made: numbers, and the stamp's strings.

    Raises:
        ValueError: it holds no floors, or they are not numbers.
        Malformed: it is not valid JSON.
    """
    content = untrusted.parse_json(data, "floors")
    if not isinstance(content, dict) or not {"distance", "kernel"} <= content.keys():
        raise ValueError("it holds no floors")
    if not all(isinstance(content[metric], int | float) for metric in METRICS.keys() & content.keys()):
        raise ValueError("its floors are not numbers")
    return content
