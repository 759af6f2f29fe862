"""Values of the options that name one of a few choices. Imports nothing: --help needs them."""

from enum import StrEnum


class Executor(StrEnum):
    """How trials are run."""

    ray = "ray"
    serial = "serial"


class Scheduler(StrEnum):
    """How a search stops points early."""

    none = "none"
    asha = "asha"


class Split(StrEnum):
    """A part of a data set."""

    train = "train"
    validation = "validation"
    test = "test"


class Precision(StrEnum):
    """Of the arithmetic inside Inception."""

    fp32 = "fp32"
    bf16 = "bf16"


class ImageKind(StrEnum):
    """What bench.sample makes with a trained method."""

    samples = "samples"
    reconstructions = "reconstructions"
    interpolations = "interpolations"
