"""Real images in the eyes of an extractor: computed once for each prepared data set, then kept beside it.

The files are `<extractor sha256>-<precision>-<features>-<split>.npz`, with `mu` and `sigma` (mean and covariance, which
pytorch-fid reads too).
"""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from filelock import FileLock

from bench.data.images import batch_size
from bench.data.prepared import Prepared
from bench.errors import UserError
from bench.evaluation.features import KEPT, Extractor, Features, compare, extract
from bench.io import tables, untrusted
from bench.io.files import Folder, make_folder
from bench.io.untrusted import Malformed
from bench.metrics.columns import METRICS
from bench.metrics.frechet import Gaussian
from bench.runtime.numerics import exact_arithmetic
from bench.runtime.rng import forked

VERSION = 1  # of what is kept: raised with every change of a metric
FEWEST = 10  # real images that every metric can do with


def _numbers(stored: bytes) -> dict[str, Any]:
    """What `References._floors` gave; ValueError where a metric is no number."""
    found = untrusted.parse_json(stored, "floors")
    if not isinstance(found, dict) or not {"distance", "kernel"} <= found.keys():
        raise ValueError("it holds no floors")
    for metric in METRICS.keys() & found.keys():
        float(found[metric])
    return found


@dataclass(frozen=True)
class Reference:
    """What generated images are compared with: the real ones of a split.

    floors: the same metrics of `n_floor` real images of another split: as many as are generated, or as there are. A
    Frechet distance falls with the number of images, so of fewer than are generated it is higher than a perfect
    generator's.
    n_neighbours: as in `compare`; floors and scores are of equally many.
    """

    split: str
    features: Features
    floors: dict[str, float]
    n_floor: int
    n_neighbours: int


class References:
    """References of a prepared data set in one extractor's features, kept in `folder`.

    One process computes what is missing while others that want it wait.
    """

    def __init__(self, folder: Folder, extractor: Extractor, data: Prepared, device: torch.device) -> None:
        exact_arithmetic()  # before any feature is computed, here or by whoever scores with this
        self.folder, self.extractor, self.data, self.device = folder, extractor, data, device

    def get(self, split: str, other: str, samples: int, full: bool) -> Reference:
        """Of `split`; its floors are of the first `samples` images of the split `other`.

        Raises:
            UserError: there are too few images.
        """
        counts = self.data.counts
        for each in (split, other):
            if counts[each] < FEWEST:
                name = self.data.sidecar.dataset
                raise UserError(
                    f"{name} has {counts[each]} {each} images, too few to compare with: {FEWEST} are needed"
                )
        n_floor = min(samples, counts[other])
        n_neighbours = min(KEPT, samples, counts[split], counts[other]) if full else 0
        real = self._features(split)
        name = f"floor-{split}-{other}-{n_floor}-{n_neighbours}.json"
        floors = self._kept(name, lambda: self._floors(real, other, n_floor, n_neighbours), _numbers)
        floors = {key: value for key, value in floors.items() if key not in self._stamp}
        return Reference(split, real, floors, n_floor, n_neighbours)

    def _floors(self, real: Features, other: str, n: int, n_neighbours: int) -> bytes:
        with forked(0):
            return json.dumps(compare(self._features(other, n), real, n_neighbours) | self._stamp).encode()

    def _features(self, split: str, n: int | None = None) -> Features:
        """Of the first `n` images of a split, or of all."""
        there = self.data.counts[split]
        name = f"{split}.npz" if n in (None, there) else f"{split}-{n}.npz"
        stored = self._kept(name, lambda: self._extracted(split, n or there), self._arrays)
        mean, covariance, kept = (torch.from_numpy(stored[key]).to(self.device) for key in ("mu", "sigma", "features"))
        return Features(Gaussian(int(stored["n"]), mean, covariance), kept)

    def _arrays(self, stored: bytes) -> dict[str, np.ndarray]:
        """What `_extracted` gave; ValueError where it is anything else."""
        d = self.extractor.dim
        shapes = {"mu": (d,), "sigma": (d, d), "features": (None, d), "n": (), **dict.fromkeys(self._stamp, ())}
        found = tables.parse_npz(stored, shapes)
        if any(found[key].dtype.kind != "f" for key in ("mu", "sigma", "features")) or found["n"].dtype.kind != "i":
            raise ValueError("it holds no numbers")
        return found

    def _extracted(self, split: str, n: int) -> bytes:
        images = torch.from_numpy(self.data.images(split)[:n])
        found = extract(self.extractor, images.split(batch_size(*images.shape[2:])), self.device)
        buffer = io.BytesIO()
        np.savez(
            buffer,
            mu=found.gaussian.mean.cpu().numpy(),
            sigma=found.gaussian.covariance.cpu().numpy(),
            n=found.gaussian.n,
            features=found.kept.cpu().numpy(),
            **self._stamp,
        )
        return buffer.getvalue()

    @cached_property
    def _stamp(self) -> dict[str, Any]:
        """What a file says of itself, so that one of other images, code or extractor is never taken for it."""
        return {
            "extractor_sha256": self.extractor.sha256,
            "fingerprint": self.data.fingerprint,
            "version": f"{VERSION}, {KEPT} kept",
        }

    def _kept(self, name: str, make: Callable[[], bytes], parse: Callable[[bytes], dict[str, Any]]) -> dict[str, Any]:
        """What a file says, which is made where it is not there yet; by one process, while others wait.

        parse: its bytes; ValueError or Malformed where they are something else.
        """
        name = f"{self.extractor.sha256[:16]}-{self.extractor.precision}-{self.extractor.dim}-{name}"
        found = self._usable(name, parse)
        if found is None:
            make_folder(self.folder.path)
            with FileLock(self.folder.path / f".{name}.lock"):
                found = self._usable(name, parse, warn=True)  # another process may have made it meanwhile
                if found is None:
                    made = make()
                    self.folder.write(name, made)
                    found = parse(made)
        return found

    def _usable(self, name: str, parse: Callable[[bytes], dict[str, Any]], warn: bool = False) -> dict[str, Any] | None:
        if not self.folder.exists(name):
            return None
        whole = self.folder.read_if_intact(name)
        if whole is not None:
            try:
                stored = parse(whole)
            except (ValueError, Malformed):
                stored = {}
            if {key: str(stored[key]) for key in self._stamp if key in stored} == self._stamp:
                return stored
        if warn:
            wrong = "is damaged" if whole is None else "is of another extractor, of other images or older"
            print(f"warning: {self.folder.path / name} {wrong}; making it again", flush=True)
        return None
