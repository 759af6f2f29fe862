"""The metrics of generated images, registered by name: what each needs, and the columns that it fills.

A metric is added by a function from images and real images (`reference.Reference`) to values, a line in MEASURES, and a
`columns.Metric` for each value. Scores, floors, tables and reports follow from these.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from bench.evaluation.features import KEPT_IMAGES, Extractor, Features, extract
from bench.metrics.columns import METRICS
from bench.metrics.frechet import frechet_distance
from bench.metrics.frechet_limit import frechet_limit
from bench.metrics.kernel_distance import kernel_distance
from bench.metrics.memorisation import memorisation
from bench.metrics.precision_recall import neighbour_metrics
from bench.metrics.sharpness import sharpness

if TYPE_CHECKING:
    from bench.evaluation.reference import Reference  # it imports this module

MOST_STORED = 100_000  # images whose features a metric may need; 0.8 GB of Inception's


@dataclass(frozen=True)
class ImageSet:
    """A set of images, as metrics see it.

    Attributes:
        features: their features.
        pixels: the first images themselves, uint8 [k, c, h, w]; as many as the measure with the most `pixels` needs.
    """

    features: Features
    pixels: Tensor


@dataclass(frozen=True)
class Measure:
    """One or several metrics that are computed together.

    Attributes:
        metrics: keys of METRICS: those of the values that `compute` returns.
        compute: images and real images -> the values, by metric; "<metric>_se" is a metric's standard error.
        stored: the number of images whose features it needs.
        pixels: the number of images whose pixels it needs. Its columns then say this number of images.
        floor: the real images that its floor is measured on: another split than the reference, of which training
            images may be part, or held-out images.
        training: whether it compares with the training images.
        version: of its code, which decides whether stored floors are those of this code. Empty: `reference.VERSION`.
    """

    metrics: tuple[str, ...]
    compute: Callable[[ImageSet, "Reference"], dict[str, float]]
    stored: int = KEPT_IMAGES
    pixels: int = 0
    floor: Literal["other", "held_out"] = "other"
    training: bool = False
    version: str = ""

    @property
    def optional(self) -> bool:
        """Whether it is measured only on request (`evaluation.metrics`)."""
        return METRICS[self.metrics[0]].optional


def _distance(images: ImageSet, real: "Reference") -> dict[str, float]:
    return {"distance": frechet_distance(images.features.gaussian, real.features.gaussian)}


def _kernel(images: ImageSet, real: "Reference") -> dict[str, float]:
    value, error = kernel_distance(images.features.values, real.features.values)
    return {"kernel": value, "kernel_se": error}


def _neighbours(images: ImageSet, real: "Reference") -> dict[str, float]:
    n = real.n_neighbours
    return neighbour_metrics(real.features.values[:n], images.features.values[:n])


def _infinity(images: ImageSet, real: "Reference") -> dict[str, float]:
    return {"limit": frechet_limit(images.features.stored, real.features.gaussian)}


def _sharpness(images: ImageSet, real: "Reference") -> dict[str, float]:
    del real
    return {"sharpness": sharpness(images.pixels)}


def _memorisation(images: ImageSet, real: "Reference") -> dict[str, float]:
    return memorisation(images.features.values, real.training, real.held_out.values)


MEASURES: dict[str, Measure] = {
    "distance": Measure(("distance",), _distance),
    "kernel": Measure(("kernel",), _kernel),
    "neighbours": Measure(("precision", "recall", "density", "coverage"), _neighbours),
    "infinity": Measure(("limit",), _infinity, stored=MOST_STORED),
    "sharpness": Measure(("sharpness",), _sharpness, pixels=1000, floor="held_out"),
    "memorisation": Measure(("authenticity", "copying"), _memorisation, floor="held_out", training=True),
}
CURVE = ("distance", "kernel")  # of every row
FINAL = (*CURVE, "neighbours")  # of the last checkpoint's own row


def image_set(
    extractor: Extractor, batches: Iterable[Tensor], device: torch.device, measures: Mapping[str, Measure]
) -> ImageSet:
    """Reduce uint8 batches [n, c, h, w], in one pass, to what the measures need."""
    pixels: list[Tensor] = []
    wanted = max((measure.pixels for measure in measures.values()), default=0)

    def passing() -> Iterable[Tensor]:
        count = 0
        for batch in batches:
            if count < wanted:
                pixels.append(batch[: wanted - count].cpu())
            count += len(batch)
            yield batch

    features = extract(extractor, passing(), device, max(measure.stored for measure in measures.values()))
    return ImageSet(features, torch.cat(pixels) if pixels else torch.empty(0, dtype=torch.uint8))
