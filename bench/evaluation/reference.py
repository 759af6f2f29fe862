"""Reference statistics: features of real images and their floors, computed once per prepared data set and extractor.

The files are `<extractor sha256>-<precision>-<features>-<split>.npz`. They hold `mu` and `sigma` (mean and covariance),
which pytorch-fid can read too.
"""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.data.images import batch_size
from bench.data.prepared import Prepared
from bench.errors import UserError
from bench.evaluation.features import KEPT_IMAGES, Extractor, Features, extract
from bench.evaluation.measures import MEASURES, MOST_STORED, ImageSet, Measure
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
    """The real images with which metrics may compare. Features are computed when they are first asked for.

    Attributes:
        source: computes and stores features.
        split: the name of the reference split.
        other: the split that floors are measured on.
        held_out_split: a split that no training has seen.
        samples: the number of generated images.
        n_training: training images that metrics compare with: those that the method was trained on, up to MOST_STORED.
        n_neighbours: images of each set for precision, recall, density and coverage; floors and scores use the same.
        measured: names of the measures.
    """

    source: "References"
    split: str
    other: str
    held_out_split: str
    samples: int
    n_training: int
    n_neighbours: int
    measured: tuple[str, ...]

    @property
    def n_floor(self) -> int:
        """The number of images that floors are measured on: as many as are generated, or all there are."""
        return min(self.samples, self.source.data.count(self.other))

    @cached_property
    def features(self) -> Features:
        """Features of the reference split."""
        return self.source.features(self.split)

    @cached_property
    def training(self) -> Tensor:
        """Features [n_training, d] of the training images."""
        return self.source.features("train", self.n_training, MOST_STORED).stored

    @cached_property
    def held_out(self) -> Features:
        """Features of the images that no training has seen."""
        return self.source.features(self.held_out_split)

    @cached_property
    def floors(self) -> dict[str, float]:
        """The metrics of real images, as of generated ones.

        A Frechet distance falls as the number of images grows. If n_floor is below the number of generated images, even
        a perfect generator scores below the floor.
        """
        standard = [name for name in self.measured if not MEASURES[name].optional]
        floors = self.source.floors(self, standard, f"{self.split}-{self.other}-{self.n_floor}-{self.n_neighbours}")
        for name in self.measured:
            if MEASURES[name].optional:
                of = self.held_out_split if MEASURES[name].floor == "held_out" else self.other
                training = f"-{self.n_training}" if MEASURES[name].training else ""
                version = f"-{MEASURES[name].version}" if MEASURES[name].version else ""
                floors |= self.source.floors(
                    self, [name], f"{name}{version}-{self.split}-{of}-{self.n_floor}{training}"
                )
        return floors

    def real_images(self, measure: Measure) -> ImageSet:
        """Return the real images that the floor of a measure is measured on."""
        split = self.held_out_split if measure.floor == "held_out" else self.other
        n = min(self.samples, self.source.data.count(split))
        pixels = self.source.data.images(split)[: min(n, measure.pixels)]
        return ImageSet(self.source.features(split, n, measure.stored), torch.from_numpy(pixels))


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

    def get(
        self,
        split: str,
        other: str,
        samples: int,
        measured: Sequence[str],
        *,
        held_out: str | None = None,
        train_images: int | None = None,
    ) -> Reference:
        """Return the reference of `split`.

        Args:
            split: the split of the real images, or a union of splits (`splits.UNIONS`).
            other: the split whose first `samples` images the floors are measured on.
            samples: the number of generated images that will be compared.
            measured: keys of MEASURES.
            held_out: a split that no training has seen. Default: `split`.
            train_images: the number of training images that methods were trained on. Default: all of them.

        Raises:
            UserError: one of the splits has too few images.
        """
        counts = {each: self.data.count(each) for each in (split, other)}
        for each, count in counts.items():
            if count < MIN_IMAGES:
                name = self.data.sidecar.dataset
                raise UserError(f"{name} has {count} {each} images, but metrics need at least {MIN_IMAGES}")
        n_neighbours = min(KEPT_IMAGES, samples, *counts.values()) if "neighbours" in measured else 0
        trained = min(train_images or MOST_STORED, self.data.count("train"), MOST_STORED)
        return Reference(self, split, other, held_out or split, samples, trained, n_neighbours, tuple(measured))

    def floors(self, reference: Reference, measured: Sequence[str], name: str) -> dict[str, float]:
        """Return the values of measures on real images, from the file `floor-<name>.json`."""
        content = self.files.get(f"floor-{name}.json", lambda: self._floors(reference, measured), _parse_floors)
        return {key: value for key, value in content.items() if not isinstance(value, str)}

    def _floors(self, reference: Reference, measured: Sequence[str]) -> bytes:
        floors: dict[str, float] = {}
        with forked(0):
            for measure in (MEASURES[name] for name in measured):
                floors |= measure.compute(reference.real_images(measure), reference)
        return json.dumps(floors | self.files.stamp).encode()

    def features(self, split: str, n: int | None = None, stored: int | None = None) -> Features:
        """Return features of the first `n` images of a split, of which `stored` (default: KEPT_IMAGES) are stored.

        None for `n`: of all images.
        """
        count = self.data.count(split)
        n = n or count
        wanted = min(n, KEPT_IMAGES if stored is None else max(stored, KEPT_IMAGES))
        name = split if n == count else f"{split}-{n}"
        name += f"-{wanted}-stored" if wanted > KEPT_IMAGES else ""
        arrays = self.files.get(f"{name}.npz", lambda: self._extracted(split, n, wanted), self._parser())
        mean, covariance, values = (
            torch.from_numpy(arrays[key]).to(self.device) for key in ("mu", "sigma", "features")
        )
        return Features(Gaussian(int(arrays["n"]), mean, covariance), values)

    def _extracted(self, split: str, n: int, stored: int) -> bytes:
        batches = self.data.batches(split, n, batch_size(*self.data.shape[1:]))
        features = extract(self.extractor, map(torch.from_numpy, batches), self.device, stored)
        arrays: dict[str, Any] = {
            "mu": features.gaussian.mean.cpu().numpy(),
            "sigma": features.gaussian.covariance.cpu().numpy(),
            "n": features.gaussian.n,
            "features": features.stored.cpu().numpy(),
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
    if not isinstance(content, dict) or not METRICS.keys() & content.keys():
        raise ValueError("it holds no floors")
    if not all(isinstance(content[metric], int | float) for metric in METRICS.keys() & content.keys()):
        raise ValueError("its floors are not numbers")
    return content
