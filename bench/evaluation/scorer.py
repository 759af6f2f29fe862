"""The quality of the images that a method generates, under one protocol and in one extractor's features."""

from collections.abc import Iterator

import torch
from torch import Tensor

from bench.data.images import batch_size, to_uint8, to_unit
from bench.evaluation.features import Extractor, compare_features, extract
from bench.evaluation.image_grids import grid_columns
from bench.evaluation.protocol import ScoringProtocol
from bench.evaluation.reference import Reference, References
from bench.evaluation.samplers import Sampler, sampler
from bench.metrics.columns import Column, Columns
from bench.metrics.frechet import frechet_distance
from bench.runtime.rng import forked
from methods import Method

MOST_RECONSTRUCTIONS = 10_000  # held-out images whose reconstructions are scored like generated images


class Scorer:
    """Scores methods. Every call draws the same prior samples, seeded by the protocol.

    Args:
        references: the statistics of the real images, and the extractor.
        protocol: how generated images are scored.
        train_images: the number of training images that the method was trained on. Default: all of them.
    """

    def __init__(self, references: References, protocol: ScoringProtocol, train_images: int | None = None) -> None:
        self.protocol, self.data, self.device = protocol, references.data, references.device
        self.train_images = train_images
        self.extractor: Extractor = references.extractor
        other = protocol.floor_split(self.extractor.name)
        self.reference: Reference = references.get(protocol.split, other, protocol.samples, protocol.full)

    @property
    def headline(self) -> str:
        """The column of the distance."""
        return str(self._column("distance"))

    @property
    def fullest(self) -> str:
        """A column that only rows with all metrics have."""
        return str(self._column("precision"))

    @torch.no_grad()
    def __call__(self, method: Method) -> tuple[Columns, Tensor]:
        """Return a row's columns, stamped with the protocol, and the first generated images, uint8 [n, c, h, w]."""
        first_images: list[Tensor] = []
        with forked(self.protocol.seed):
            source = sampler(self.protocol.sampler, method, self.data.images("train")[: self.train_images])
            images = extract(self.extractor, self._generated(source, first_images), self.device)
            values = compare_features(images, self.reference.features, self.reference.n_neighbours)
            columns = self._named(values)
            if self.protocol.full:
                columns |= self._reconstructions(method)
        return columns | self.stamp, torch.cat(first_images)

    def _generated(self, source: Sampler, first_images: list[Tensor]) -> Iterator[Tensor]:
        """Yield uint8 batches, and append the first images, as many as fill a grid, to `first_images`."""
        _, height, width = self.data.shape
        size, grid = batch_size(height, width), grid_columns(width) ** 2
        for start in range(0, self.protocol.samples, size):
            images = to_uint8(source.sample(min(size, self.protocol.samples - start)))
            if start < grid:
                first_images.append(images[: grid - start])
            yield images

    def _reconstructions(self, method: Method) -> dict[str, float]:
        images = torch.from_numpy(self.data.images(self.protocol.held_out)[:MOST_RECONSTRUCTIONS])
        batches = images.split(batch_size(*images.shape[2:]))
        decoded = (to_uint8(method.decode(method.encode(to_unit(batch.to(self.device))))) for batch in batches)
        features = extract(self.extractor, decoded, self.device)
        distance = frechet_distance(features.gaussian, self.reference.features.gaussian)
        return {str(self._column("reconstruction", len(images))): distance}

    def _named(self, values: dict[str, float]) -> dict[str, float]:
        """Scores, floors and the standard error of the kernel distance, by column."""
        error = values.pop("kernel_se")
        floors = {str(self._column(metric).real): self.reference.floors[metric] for metric in values}
        scores = {str(self._column(metric)): value for metric, value in values.items()}
        return scores | {f"{self._column('kernel')}_se": error} | floors

    def _column(self, metric: str, samples: int | None = None) -> Column:
        return Column(metric, self.extractor.name, samples or self.protocol.samples)

    @property
    def stamp(self) -> Columns:
        """The columns `columns.STAMPS`, and the others that are the same in every row."""
        channels, height, width = self.data.shape
        crop = self.data.sidecar.preprocessing.crop
        stamp: Columns = {
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
        if self.extractor.accuracy is not None:
            stamp["extractor_accuracy"] = self.extractor.accuracy
        if self.protocol.full:
            stamp["n_neighbours"] = self.reference.n_neighbours
        return stamp
