"""Names of the columns that measure generated images: metric, feature space and sample count. No torch.

`fid_10k`, `kid_10k` and `precision_10k` are of the FID Inception network and 10,000 generated images; every other
feature space has names of its own (`fd_classifier_10k`, `kd_classifier_10k`, `precision_classifier_10k`), because
its values are not comparable with those.
"""

import re
from dataclasses import dataclass

# In every feature space: the stem of a column's name (of Inception; with the extractor's name), and what it says.
METRICS = {
    "distance": ("fid", "fd_{}"),
    "kernel": ("kid", "kd_{}"),
    "precision": ("precision", "precision_{}"),
    "recall": ("recall", "recall_{}"),
    "density": ("density", "density_{}"),
    "coverage": ("coverage", "coverage_{}"),
    "reconstruction": ("fid_reconstruction", "fd_{}_reconstruction"),
}
# Columns of a row that say what the training took: the only ones in which a resumed or repeated trial may differ.
TIMINGS = ("train_seconds", "images_per_second", "evaluation_seconds", "peak_memory_mb")
LOWER_IS_BETTER = ("distance", "kernel", "reconstruction")
EXTRACTORS = ("inception", "classifier", "rotation")

# What makes two values of one column comparable; on every row that has such values.
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
    """A column that measures generated images. `label`: what sets its protocol apart where several share the name."""

    metric: str
    extractor: str
    samples: int
    label: str = ""

    def __str__(self) -> str:
        stem = METRICS[self.metric][0 if self.extractor == "inception" else 1].format(self.extractor)
        return f"{stem}_{count(self.samples)}" + (f" [{self.label}]" if self.label else "")

    @property
    def real(self) -> str:
        """The column that holds the same measure of real images: of a distance, its floor."""
        return f"{self}_{'floor' if self.metric in LOWER_IS_BETTER else 'real'}"


def count(samples: int) -> str:
    """10000 -> '10k', 1797 -> '1797'."""
    return f"{samples // 1000}k" if samples % 1000 == 0 else str(samples)


STEMS = {
    stems[0 if extractor == "inception" else 1].format(extractor): (metric, extractor)
    for metric, stems in METRICS.items()
    for extractor in EXTRACTORS
}


def parse(name: str) -> Column | None:
    """The column of that name; None where it does not measure generated images (or is a floor, or an error)."""
    found = re.fullmatch(r"([a-z_]+)_(\d+)(k?)(?: \[(.+)\])?", name)
    if not found or found[1] not in STEMS:
        return None
    return Column(*STEMS[found[1]], int(found[2]) * (1000 if found[3] else 1), found[4] or "")
