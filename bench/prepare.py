"""python -m bench.prepare DATASET: download, decode and store a data set ahead of time."""

from typing import Annotated

import typer

from bench import cli
from bench.cli import completion
from bench.errors import say

MOST_CLASSES = 20  # that are listed by name

app = typer.Typer(**cli.TYPER_SETTINGS)


@app.command(cls=cli.Command)
def main(
    dataset: Annotated[
        str,
        typer.Argument(
            help="Data set, such as celeba; python -m bench.info lists them.", autocompletion=completion.datasets
        ),
    ],
    data_root: cli.DataRoot = None,
    image_size: cli.ImageSize = None,
    crop: cli.Crop = None,
    grey: cli.Grey = None,
    prepared: cli.PreparedRoot = None,
    skip_unreadable: cli.SkipUnreadable = False,
    plugin: cli.Plugins = None,
) -> None:
    """Download and decode a data set ahead of time, as bench.run does, on all CPU cores.

    Run the same command again to continue after an interruption.
    """
    from bench.data import preparation
    from bench.data.datasets import Request
    from bench.data.splits import counts_text
    from bench.driver.options import data_roots, preprocessing_overrides
    from bench.experiment.configuration import resolve
    from bench.plugins import installation

    installation.install_all(plugin or [])
    experiment = resolve({"dataset": dataset, "preprocessing": preprocessing_overrides(image_size, crop, grey)})
    root, prepared_root = data_roots(dataset, data_root, prepared)
    request = Request(dataset, root, experiment.preprocessing, prepared_root, skip_unreadable)
    images = preparation.prepare(request)
    channels, side, _ = images.shape
    say(f"fingerprint: {images.fingerprint}")
    say(f"images: {counts_text(images.counts)}; {side}x{side}, {'grey' if channels == 1 else 'colour'}")
    say(f"classes: {_listed(images.classes) or 'none; unless FID is used, images are compared by fd_rotation'}")
    say(f"folder: {images.folder}")


def _listed(classes: list[str]) -> str:
    """Return the names, or of many the number and the first ones."""
    if len(classes) <= MOST_CLASSES:
        return ", ".join(classes)
    return f"{len(classes):,}: {', '.join(classes[:MOST_CLASSES])}, ..."


if __name__ == "__main__":
    app()
