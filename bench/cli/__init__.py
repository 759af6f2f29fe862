"""The command line: how commands report mistakes, and the options that they share."""

from bench.cli.command import TYPER_SETTINGS, Command, Group, with_options
from bench.cli.options import (
    Crop,
    DataRoot,
    Device,
    Extractor,
    Grey,
    ImageSize,
    InceptionWeights,
    Plugins,
    PreparedRoot,
    Sampler,
    SkipUnreadable,
    TrainingImages,
    finite,
)

__all__ = [
    "TYPER_SETTINGS",
    "Command",
    "Crop",
    "DataRoot",
    "Device",
    "Extractor",
    "Grey",
    "Group",
    "ImageSize",
    "InceptionWeights",
    "Plugins",
    "PreparedRoot",
    "Sampler",
    "SkipUnreadable",
    "TrainingImages",
    "finite",
    "with_options",
]
