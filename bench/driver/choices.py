"""Option values and limits that --help texts name. Imports no module of the project, to keep --help fast."""

from enum import StrEnum

MANY_TRIALS = 200  # a run of more trials needs a confirmation

REMOVABLE = {  # kinds of files that bench.clean removes
    "previous": "second-to-last checkpoints of finished trials: nothing is lost",
    "checkpoints": "all checkpoints of finished trials: tables and figures stay, trained methods are lost",
    "stale": "trials whose method's code has changed since they were trained",
    "prepared": "decoded data sets, also incomplete ones: decoded again when needed",
}


class Executor(StrEnum):
    """How trials are run."""

    ray = "ray"
    serial = "serial"


class Scheduler(StrEnum):
    """How a search stops points early."""

    none = "none"
    asha = "asha"


class EvaluateBeside(StrEnum):
    """When evaluations run in another process than the training."""

    auto = "auto"
    on = "on"
    off = "off"


class Searcher(StrEnum):
    """How a search chooses its points."""

    halton = "halton"
    random = "random"
    tpe = "tpe"
    cmaes = "cmaes"


class Split(StrEnum):
    """A part of a data set; train_and_validation are all images that were published for training."""

    train = "train"
    validation = "validation"
    test = "test"
    train_and_validation = "train_and_validation"


class Precision(StrEnum):
    """Floating-point precision of the Inception network."""

    fp32 = "fp32"
    bf16 = "bf16"


class ImageKind(StrEnum):
    """What bench.sample makes with a trained method."""

    samples = "samples"
    reconstructions = "reconstructions"
    interpolations = "interpolations"
