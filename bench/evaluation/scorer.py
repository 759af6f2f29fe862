"""The quality of the images that a method generates, under one protocol and in one extractor's features."""

from collections.abc import Iterator

import torch
from torch import Tensor

from bench.data.images import batch_size, to_uint8, to_unit
from bench.evaluation.features import Extractor, extract
from bench.evaluation.image_grids import grid_columns
from bench.evaluation.measures import MEASURES, Measure, image_set
from bench.evaluation.protocol import ScoringProtocol
from bench.evaluation.reference import Reference, References
from bench.evaluation.samplers import SAMPLERS, Sampler
from bench.metrics.columns import METRICS, PIXELS, Column, Columns
from bench.metrics.frechet import frechet_distance
from bench.runtime.rng import forked
from methods import Method


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
        self.measures = {name: MEASURES[name] for name in protocol.measured}
        self.reference: Reference = references.get(
            protocol.split,
            protocol.floor_split(self.extractor.name),
            protocol.samples,
            protocol.measured,
            held_out=protocol.held_out,
            train_images=train_images,
        )
        self.floors = self.reference.floors

    @property
    def headline(self) -> str:
        """The column of the distance."""
        return str(self._column("distance"))

    @property
    def measured(self) -> list[str]:
        """The columns of all metrics of generated images."""
        return [str(self._column(metric)) for measure in self.measures.values() for metric in measure.metrics]

    @torch.no_grad()
    def __call__(self, method: Method) -> tuple[Columns, Tensor]:
        """Return a row's columns, stamped with the protocol, and the first generated images, uint8 [n, c, h, w]."""
        first_images: list[Tensor] = []
        with forked(self.protocol.seed):
            source = SAMPLERS[self.protocol.sampler](method, self.data.images("train")[: self.train_images])
            images = image_set(self.extractor, self._generated(source, first_images), self.device, self.measures)
            values: dict[str, float] = {}
            for measure in self._where(optional=False):
                values |= measure.compute(images, self.reference)
            columns = self._reconstructions(method) if self.protocol.full else {}
        for measure in self._where(optional=True):
            with forked(self.protocol.seed):  # so that no value depends on what else is measured
                values |= measure.compute(images, self.reference)
        return self._named(values) | columns | self.stamp, torch.cat(first_images)

    def _where(self, optional: bool) -> list[Measure]:
        return [measure for measure in self.measures.values() if measure.optional == optional]

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
        images = torch.from_numpy(self.data.images(self.protocol.held_out)[: self.protocol.reconstructions])
        batches = images.split(batch_size(*images.shape[2:]))
        decoded = (to_uint8(method.decode(method.encode(to_unit(batch.to(self.device))))) for batch in batches)
        features = extract(self.extractor, decoded, self.device)
        distance = frechet_distance(features.gaussian, self.reference.features.gaussian)
        return {str(self._column("reconstruction", len(images))): distance}

    def _named(self, values: dict[str, float]) -> dict[str, float]:
        """Scores, standard errors and floors, by column."""
        errors = {f"{self._column(key.removesuffix('_se'))}_se": values[key] for key in values if key.endswith("_se")}
        scores = {str(self._column(key)): value for key, value in values.items() if not key.endswith("_se")}
        floors = {str(self._column(key).real): self.floors[key] for key in values if not key.endswith("_se")}
        return scores | errors | floors

    def _column(self, metric: str, samples: int | None = None) -> Column:
        pixels = max((measure.pixels for measure in self.measures.values() if metric in measure.metrics), default=0)
        if pixels and METRICS[metric].elsewhere is None:
            return Column(metric, PIXELS, min(pixels, self.protocol.samples))
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
        if any(measure.training for measure in self.measures.values()):
            stamp["n_training"] = self.reference.n_training
        return stamp
