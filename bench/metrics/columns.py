"""Columns that measure generated images and codes: their names, and how to read them. Does not import torch.

`fid_10k`, `kid_10k` and `precision_10k` use the FID Inception network and 10,000 generated images. Every other feature
space has its own names (`fd_classifier_10k`, `kd_classifier_10k`, `precision_classifier_10k`), because its values are
not comparable with those.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bench.errors import short

KEYS = ("trial", "method", "variant", "prior", "seed")  # columns that identify the trial of a row
ADDED = (*KEYS, "afterwards", "experiment")  # columns that rows get when they are read
MAX_NAME = 100  # characters of the name of a method's own value
MOST_OWN = 400  # losses of a method, and as many diagnostics: `bench.io.tables.MAX_COLUMNS` has room for both
MOST_SHOWN = 5  # names that an error lists

Columns = dict[str, float | int | str | bool | None]  # the columns of one row, or some of them, by name

EXTRACTORS = {  # name -> what it is; plug-ins add theirs
    "inception": "2048 features of the FID network (pytorch-fid); columns fid, kid, precision ...",
    "classifier": "64 features of a small classifier trained on the data set's labels; columns fd_classifier, "
    "kd_classifier ..., not FID",
    "rotation": "the same network, trained to predict by how much an image was rotated, for data sets without labels; "
    "columns fd_rotation ..., not FID",
}
PIXELS = "pixels"  # takes the place of the extractor in columns that need none

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
GENERATION = ("n_generated", "sampler", "sampling_seed")  # stamps that do not affect reconstructions
Better = Literal["lower", "higher", "real"]  # which values are better; real: those near that of real images
HEADING = r"[A-Za-z0-9][A-Za-z0-9 ()/-]{0,39}"  # of the metric of a plug-in
ABOUT_CHARACTERS = r"\w .,:;()/%+=?!'-"
MAX_ABOUT = 300
COMPARISON = ("n_generated", "n_real", "reference_split", "extractor", "extractor_sha256", "extractor_precision")


@dataclass(frozen=True)
class Metric:
    """How the column of a metric is called, and how to read it.

    Attributes:
        stem: start of the column's name with Inception's features.
        elsewhere: the same with any other features, whose name replaces {}. None: the metric needs no features.
        heading: in tables.
        better: the better values: "lower", "higher", or those near that of "real" images.
        about: what it says, in one or two sentences; with its unit or range. Tables show it if the metric is optional.
        optional: whether it is measured only where `evaluation.metrics` names it.
        ignores: STAMPS that do not affect its values.
        fid_heading: the heading with Inception's features, if it is another one.
    """

    stem: str
    elsewhere: str | None
    heading: str
    better: Better
    about: str = ""
    optional: bool = False
    ignores: tuple[str, ...] = ()
    fid_heading: str = ""

    def extractor(self, stem: str) -> str | None:
        """Return the extractor of a column whose name starts with `stem`, or PIXELS; None if it has another metric.

        Names of extractors have no underscores, so that each column has one metric, whatever extractors there are.
        """
        if stem == self.stem:
            return "inception" if self.elsewhere else PIXELS
        before, _, after = (self.elsewhere or "").partition("{}")
        match = self.elsewhere and re.fullmatch(f"{before}([a-z][a-z0-9]*){after}", stem)
        return match[1] if match else None

    def resembles(self, other: "Metric") -> bool:
        """Whether a column of this metric could be read as one of the other, whatever extractors there are."""
        return any(other.extractor(self.name(extractor)) for extractor in ("inception", "x"))

    def name(self, extractor: str) -> str:
        """Return the start of the column's name."""
        return self.elsewhere.format(extractor) if self.elsewhere and extractor != "inception" else self.stem


METRICS = {
    "distance": Metric("fid", "fd_{}", "distance", "lower"),
    "kernel": Metric("kid", "kd_{}", "kernel", "lower", fid_heading="KID"),
    "precision": Metric("precision", "precision_{}", "precision", "higher"),
    "recall": Metric("recall", "recall_{}", "recall", "higher"),
    "density": Metric("density", "density_{}", "density", "higher"),
    "coverage": Metric("coverage", "coverage_{}", "coverage", "higher"),
    "limit": Metric(
        "fid_infinity",
        "fd_{}_infinity",
        "FD∞",
        "lower",
        "FD∞: the Fréchet distance extrapolated to infinitely many generated images (Chong & Forsyth), so without the "
        "bias of their number; in the distance's unit, and possibly slightly negative.",
        optional=True,
        fid_heading="FID∞",
    ),
    "sharpness": Metric(
        "sharpness",
        None,
        "sharpness",
        "real",
        "Sharpness: the variance of each grey image's Laplacian, pixels in [0, 1], averaged over images (as for WAE). "
        "Blurred images lie below held-out real images, noisy ones above.",
        optional=True,
        ignores=COMPARISON,
    ),
    "authenticity": Metric(
        "authenticity",
        "authenticity_{}",
        "authenticity",
        "real",
        "Authenticity (0 to 1): the share of generated images that are not nearer to a training image than the other "
        "training images are (Alaa et al.). Below the value of held-out real images: memorised.",
        optional=True,
    ),
    "copying": Metric(
        "copying",
        "copying_{}",
        "copying",
        "real",
        "Copying (0 to 1): the probability that a generated image is nearer to the training images than a held-out "
        "image is (Meehan et al.). 0.5 for real images, 1 for copies, 0 for images that resemble no training image.",
        optional=True,
    ),
    "reconstruction": Metric(
        "fid_reconstruction", "fd_{}_reconstruction", "reconstructed", "lower", ignores=GENERATION
    ),
}


@dataclass(frozen=True)
class Declared:
    """How to read the column of a metric that a plug-in has added. It is stored with the experiment.

    Attributes:
        of: what it measures: generated images, or codes (column `latent_<name>`).
        heading: matches HEADING.
        better: as for `Metric`; "real": for codes, those near that of samples of the prior.
        about: matches ABOUT.
        features: whether it compares images by features.
        compares: whether it compares with real images.
    """

    of: Literal["images", "codes"]
    heading: str
    better: Better
    about: str = ""
    features: bool = False
    compares: bool = False

    def metric(self, name: str) -> Metric | None:
        """Return the metric of generated images with this name; None if it measures codes."""
        if self.of == "codes":
            return None
        ignored = tuple(stamp for stamp in COMPARISON if stamp.startswith("extractor") or not self.compares)
        return Metric(
            name,
            f"{name}_{{}}" if self.features else None,
            self.heading,
            self.better,
            self.about,
            optional=True,
            ignores=() if self.features else ignored,
        )


DECLARED: dict[str, Declared] = {}  # name of a metric that a plug-in or a stored experiment has declared -> its column


def declare(name: str, metric: Declared) -> None:
    """Let `parse` and reports know a metric of a plug-in. A metric of the project is never replaced."""
    if name in METRICS and name not in DECLARED:
        return
    DECLARED[name] = metric
    of_images = metric.metric(name)
    if of_images:
        METRICS[name] = of_images


def mistaken_for(name: str, metric: Declared) -> str | None:
    """Return a metric with columns that could not be told from those of a new metric; None if there is none."""
    new = metric.metric(name)
    if new is None:
        return None
    others = ((key, other) for key, other in METRICS.items() if key != name)
    return next((key for key, other in others if new.resembles(other) or other.resembles(new)), None)


# Names for `evaluation.metrics`: what is measured in the final row only on request, since it costs more or tells less.
OPTIONAL = {
    "infinity": "FID-infinity: the Frechet distance without the bias of a finite number of images",
    "sharpness": "variance of the Laplacian of grey images, beside that of real ones, as in the WAE paper",
    "memorisation": "authenticity, and the probability of being nearer to training images than held-out images are",
    "probe": "accuracy of a linear classifier of the labels on codes, beside chance",
}

# Columns of measured time and memory: the only ones in which a resumed or repeated trial may differ.
TIMINGS = ("train_seconds", "cpu_share", "images_per_second", "evaluation_seconds", "peak_memory_mb")


@dataclass(frozen=True)
class Column:
    """A column that measures generated images.

    Attributes:
        metric: a key of METRICS.
        extractor: its name, or PIXELS.
        samples: the number of generated images.
        label: distinguishes the protocol if several protocols share the name; else empty.
    """

    metric: str
    extractor: str
    samples: int
    label: str = ""

    def __str__(self) -> str:
        name = METRICS[self.metric].name(self.extractor)
        return f"{name}_{count(self.samples)}" + (f" [{self.label}]" if self.label else "")

    @property
    def real(self) -> str:
        """Name of the column that holds this metric of real images; for a distance, that value is the floor."""
        return f"{self}_{'floor' if METRICS[self.metric].better == 'lower' else 'real'}"


def refuse_bad_names(names: Iterable[str], what: str) -> None:
    """Refuse the names of a method's own values that cannot be columns of its rows.

    Args:
        names: as the method gives them.
        what: such as "losses", for the error.

    Raises:
        ValueError: there are too many, or one is no identifier or too long.
    """
    given = list(names)
    if len(given) > MOST_OWN:
        raise ValueError(f"there are {len(given):,} {what}; at most {MOST_OWN} can be recorded")
    wrong = [name for name in given if not name.isidentifier() or len(name) > MAX_NAME]
    if wrong:
        raise ValueError(f"{what} are named like variables, not {', '.join(map(short, wrong[:MOST_SHOWN]))}")


def count(samples: int) -> str:
    """Abbreviate a sample count: 10000 -> '10k', 1797 -> '1797'."""
    return f"{samples // 1000}k" if samples % 1000 == 0 else str(samples)


def parse(name: str) -> Column | None:
    """Return the column with this name; None if it does not measure generated images, or is a floor or an error."""
    match = re.fullmatch(r"(?P<stem>[a-z][a-z0-9_]*?)_(?P<count>\d+)(?P<k>k?)(?: \[(?P<label>.+)\])?", name)
    if not match:
        return None
    for key, metric in METRICS.items():
        extractor = metric.extractor(match["stem"])
        if extractor:
            samples = int(match["count"]) * (1000 if match["k"] else 1)
            return Column(key, extractor, samples, match["label"] or "")
    return None
