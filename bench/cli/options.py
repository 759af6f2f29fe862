"""Options that several commands share."""

import math
from pathlib import Path
from typing import Annotated

import typer


def finite(value: float | None) -> float | None:
    """Reject NaN and infinity, which typer's own limits accept."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number")
    return value


DataRoot = Annotated[
    Path | None,
    typer.Option(
        help="Directory that holds (or receives) the data sets. Default: data. For 'folder', 'arrays' and "
        "'huggingface': your own images."
    ),
]
PreparedRoot = Annotated[
    Path | None,
    typer.Option(
        "--prepared",
        help="Directory for decoded images. Default: prepared/ in the data root; for your own images, data/prepared.",
    ),
]
TrainingImages = Annotated[
    Path | None,
    typer.Option("--prepared", help="Directory with the decoded images. Default: where they were during training."),
]
ImageSize = Annotated[
    int | None, typer.Option(min=1, help="Side of the images in pixels. Required for your own images.")
]
Crop = Annotated[int | None, typer.Option(min=1, help="Side, in pixels, of a central square to crop before resizing.")]
Grey = Annotated[bool | None, typer.Option("--grey/--colour", help="Convert all images to grey, or to colour.")]
SkipUnreadable = Annotated[
    bool, typer.Option("--skip-unreadable", help="Skip images that cannot be used, and list them, instead of stopping.")
]
Extractor = Annotated[
    str | None,
    typer.Option(
        help="Network whose features are compared: auto, inception (FID), classifier, rotation, or the path of a "
        "stored extractor.pt."
    ),
]
InceptionWeights = Annotated[
    Path | None, typer.Option(help="File with pytorch-fid's Inception weights, if they cannot be downloaded.")
]
Sampler = Annotated[
    str,
    typer.Option(
        help="Distribution of the codes to decode: prior, or gmm (a Gaussian mixture fitted to the codes of training "
        "images)."
    ),
]
Plugins = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        metavar="FILE",
        help="Python file that adds methods, networks, metrics ...; its code is run. Repeatable.",
    ),
]
Device = Annotated[
    str | None, typer.Option(help="PyTorch device, such as cpu or cuda:1. Default: a GPU if there is one.")
]
