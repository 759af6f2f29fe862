"""python -m bench.prepare DATASET: download, decode and store a data set ahead of time."""

from typing import Annotated

import typer

from bench import cli

app = typer.Typer(**cli.PLAIN)


@app.command(cls=cli.Command)
def main(
    dataset: Annotated[str, typer.Argument(help="Such as celeba; python -m bench.info lists them.")],
    data_root: cli.DataRoot = None,
    image_size: cli.ImageSize = None,
    crop: cli.Crop = None,
    grey: cli.Grey = None,
    prepared: cli.PreparedRoot = None,
    skip_unreadable: cli.SkipUnreadable = False,
) -> None:
    """Prepare a data set as bench.run would, on all cores. Interrupted, the same command goes on."""
    from bench.data import preparation
    from bench.data.datasets import Request
    from bench.experiment.settings import resolve

    experiment = resolve({"dataset": dataset, "preprocessing": cli.preprocessing(image_size, crop, grey)})
    root, prepared_root = cli.roots(dataset, data_root, prepared)
    request = Request(dataset, root, experiment.preprocessing, prepared_root, skip_unreadable)
    found = preparation.prepare(request)
    channels, side, _ = found.shape
    print(f"fingerprint: {found.fingerprint}")
    counts = ", ".join(f"{count:,} {split}" for split, count in found.counts.items())
    print(f"images: {counts}; {side}x{side}, {'grey' if channels == 1 else 'colour'}")
    print(f"classes: {', '.join(found.classes) or 'none; without FID, fd_rotation will compare images'}")
    print(f"folder: {found.folder}")


if __name__ == "__main__":
    app()
