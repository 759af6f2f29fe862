"""Names of the columns that measure generated images: metric, feature space and sample count. Does not import torch.

`fid_10k`, `kid_10k` and `precision_10k` use the FID Inception network and 10,000 generated images. Every other feature
space has its own names (`fd_classifier_10k`, `kd_classifier_10k`, `precision_classifier_10k`), because its values are
not comparable with those.
"""

import re
from dataclasses import dataclass

Columns = dict[str, float | int | str | bool | None]  # the columns of one row, or some of them, by name

# metric -> the stem of its column's name for Inception, and for any other extractor
METRICS = {
    "distance": ("fid", "fd_{}"),
    "kernel": ("kid", "kd_{}"),
    "precision": ("precision", "precision_{}"),
    "recall": ("recall", "recall_{}"),
    "density": ("density", "density_{}"),
    "coverage": ("coverage", "coverage_{}"),
    "reconstruction": ("fid_reconstruction", "fd_{}_reconstruction"),
}
# Columns of measured time and memory: the only ones in which a resumed or repeated trial may differ.
TIMINGS = ("train_seconds", "images_per_second", "evaluation_seconds", "peak_memory_mb")
LOWER_IS_BETTER = ("distance", "kernel", "reconstruction")
EXTRACTORS = ("inception", "classifier", "rotation")

# Two values of one column are comparable if these columns agree. Every row with such values has all of them.
STAMPS = (
    "n_generated",
    "n_real",
    "reference_split",
    "preprocessing",
    "extractor",
    "extractor_sha256",
    "extractor_precision",
    "sampler",
    "sampling_seed",
)


@dataclass(frozen=True)
class Column:
    """A column that measures generated images.

    Attributes:
        metric: a key of METRICS.
        extractor: one of EXTRACTORS.
        samples: the number of generated images.
        label: distinguishes the protocol if several protocols share the name; else empty.
    """

    metric: str
    extractor: str
    samples: int
    label: str = ""

    def __str__(self) -> str:
        stem = METRICS[self.metric][0 if self.extractor == "inception" else 1].format(self.extractor)
        return f"{stem}_{count(self.samples)}" + (f" [{self.label}]" if self.label else "")

    @property
    def real(self) -> str:
        """Name of the column that holds this metric of real images; for a distance, that value is the floor."""
        return f"{self}_{'floor' if self.metric in LOWER_IS_BETTER else 'real'}"


def count(samples: int) -> str:
    """Abbreviate a sample count: 10000 -> '10k', 1797 -> '1797'."""
    return f"{samples // 1000}k" if samples % 1000 == 0 else str(samples)


# stem of a column's name -> metric, extractor
STEMS = {
    stems[0 if extractor == "inception" else 1].format(extractor): (metric, extractor)
    for metric, stems in METRICS.items()
    for extractor in EXTRACTORS
}


def parse(name: str) -> Column | None:
    """Return the column with this name; None if it does not measure generated images, or is a floor or an error."""
    match = re.fullmatch(r"(?P<stem>[a-z_]+)_(?P<count>\d+)(?P<k>k?)(?: \[(?P<label>.+)\])?", name)
    if not match or match["stem"] not in STEMS:
        return None
    metric, extractor = STEMS[match["stem"]]
    return Column(metric, extractor, int(match["count"]) * (1000 if match["k"] else 1), match["label"] or "")
