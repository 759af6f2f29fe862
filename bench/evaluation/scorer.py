"""How good are the images that a method generates? Under one protocol, in one extractor's features."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.data.images import batch_size, to_uint8, to_unit
from bench.evaluation.features import Extractor, compare, extract
from bench.evaluation.image_grids import grid_columns
from bench.evaluation.reference import Reference, References
from bench.evaluation.samplers import Sampler, sampler
from bench.experiment.settings import Evaluation
from bench.metrics.columns import Column
from bench.metrics.frechet import frechet_distance
from bench.runtime.rng import forked
from methods import Method

RECONSTRUCTED = 10_000  # held-out images at most, whose reconstructions are compared as generated images are


@dataclass(frozen=True)
class Protocol:
    """What makes two scores comparable, beside the extractor and the data set.

    samples: generated images. split: the real ones that they are compared with. held_out: the split that no training
    has seen. sampler: a key of SAMPLERS. full: all metrics, not the quick ones only.
    """

    samples: int
    split: str
    held_out: str
    seed: int
    sampler: str = "prior"
    full: bool = True

    @classmethod
    def curve(cls, evaluation: Evaluation) -> "Protocol":
        """Of every row: against held-out images."""
        return cls(evaluation.samples, evaluation.split, evaluation.split, evaluation.seed, full=False)

    @classmethod
    def final(cls, evaluation: Evaluation, extractor: str) -> "Protocol":
        """Of the last checkpoint: more images, against the training images, as FID is mostly published.

        An extractor that was trained here knows the training images, and its features of them are unlike those of any
        others: it compares with held-out ones.
        """
        split = "train" if extractor == "inception" else evaluation.split
        return cls(evaluation.final_samples or evaluation.samples, split, evaluation.split, evaluation.seed)

    def other(self, extractor: str) -> str:
        """The split of real images whose score is the floor: again none that the extractor has been trained on."""
        if extractor == "inception":
            return "train" if self.split != "train" else self.held_out
        return "validation" if self.split != "validation" else "test"


class Scorer:
    """Scores methods; draws the same prior samples (by the protocol's seed) each time."""

    def __init__(self, references: References, protocol: Protocol, train_images: int | None = None) -> None:
        """train_images: how many of the training images the method was trained on, if not all."""
        self.protocol, self.data, self.device = protocol, references.data, references.device
        self.train_images = train_images
        self.extractor: Extractor = references.extractor
        other = protocol.other(self.extractor.name)
        self.reference: Reference = references.get(protocol.split, other, protocol.samples, protocol.full)

    @property
    def headline(self) -> str:
        """The column of the distance."""
        return str(self._column("distance"))

    @property
    def fullest(self) -> str:
        """A column that only a row with all metrics has."""
        return str(self._column("precision"))

    @torch.no_grad()
    def __call__(self, method: Method) -> tuple[dict[str, Any], Tensor]:
        """A row's columns, stamped with the protocol, and the first generated images, uint8."""
        shown: list[Tensor] = []
        with forked(self.protocol.seed):
            source = sampler(self.protocol.sampler, method, self.data.images("train")[: self.train_images])
            images = extract(self.extractor, self._generated(source, shown), self.device)
            found = compare(images, self.reference.features, self.reference.n_neighbours)
            columns = self._named(found)
            if self.protocol.full:
                columns |= self._reconstructions(method)
        return columns | self.stamp, torch.cat(shown)

    def _generated(self, source: Sampler, shown: list[Tensor]) -> Iterator[Tensor]:
        """uint8 batches; as many of the first images as a grid shows are put aside."""
        _, height, width = self.data.shape
        size, grid = batch_size(height, width), grid_columns(width) ** 2
        for start in range(0, self.protocol.samples, size):
            images = to_uint8(source.sample(min(size, self.protocol.samples - start)))
            if start < grid:
                shown.append(images[: grid - start])
            yield images

    def _reconstructions(self, method: Method) -> dict[str, float]:
        images = torch.from_numpy(self.data.images(self.protocol.held_out)[:RECONSTRUCTED])
        batches = images.split(batch_size(*images.shape[2:]))
        decoded = (to_uint8(method.decode(method.encode(to_unit(batch.to(self.device))))) for batch in batches)
        found = extract(self.extractor, decoded, self.device)
        distance = frechet_distance(found.gaussian, self.reference.features.gaussian)
        return {str(self._column("reconstruction", len(images))): distance}

    def _named(self, found: dict[str, float]) -> dict[str, float]:
        error = found.pop("kernel_se")
        floors = {str(self._column(m).real): self.reference.floors[m] for m in found}
        scores = {str(self._column(m)): value for m, value in found.items()}
        return scores | {f"{self._column('kernel')}_se": error} | floors

    def _column(self, metric: str, samples: int | None = None) -> Column:
        return Column(metric, self.extractor.name, samples or self.protocol.samples)

    @property
    def stamp(self) -> dict[str, Any]:
        """`columns.STAMPS`, and what else stands on every row."""
        channels, height, width = self.data.shape
        crop = self.data.sidecar.preprocessing.crop
        stamp = {
            "n_generated": self.protocol.samples,
            "n_floor": self.reference.n_floor,
            "n_real": self.reference.features.gaussian.n,
            "reference_split": self.protocol.split,
            "preprocessing": f"{width}x{height}x{channels}" + (f", crop {crop}" if crop else ""),
            "extractor": self.extractor.name,
            "extractor_sha256": self.extractor.sha256,
            "extractor_precision": self.extractor.precision,
            "sampler": self.protocol.sampler,
            "sampling_seed": self.protocol.seed,
        }
        accuracy = {} if self.extractor.accuracy is None else {"extractor_accuracy": self.extractor.accuracy}
        return stamp | accuracy | ({"n_neighbours": self.reference.n_neighbours} if self.protocol.full else {})
