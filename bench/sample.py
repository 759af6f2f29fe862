"""python -m bench.sample TRIAL --count 64 --out grid.png: write images that a trained method makes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bench import cli
from bench.driver.choices import ImageKind
from bench.errors import UserError, say, unknown

app = typer.Typer(**cli.TYPER_SETTINGS)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The command line: a field per argument or option."""

    trial: Annotated[Path, typer.Argument(help="Directory of the trial, such as results/digits/trials/moco-s0-...")]
    kind: Annotated[
        ImageKind, typer.Option(help="What to make. Reconstructions and interpolations use held-out images.")
    ] = ImageKind.samples
    count: Annotated[
        int,
        typer.Option(min=1, max=100_000, help="Number of images; rounded up to a multiple of 8 for interpolations."),
    ] = 64
    out: Annotated[Path, typer.Option(help="PNG file to write the grid of images to.")] = Path("grid.png")
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Directory to write every sample to as a PNG file, instead of a grid. After an interruption, the same "
            "command writes what is missing."
        ),
    ] = None
    npz: Annotated[
        Path | None,
        typer.Option(
            help="NumPy file to write arrays to: images (uint8); for reconstructions and interpolations also their "
            "codes and the held-out images."
        ),
    ] = None
    sampler: cli.Sampler = "prior"
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Seed of the random draws.")] = 0
    prepared: cli.TrainingImages = None
    plugin: cli.Plugins = None
    device: cli.Device = None


@app.command(cls=cli.Command)
@cli.with_options(Options)
def main(options: Options) -> None:
    """Write a grid of samples, of reconstructions (below their originals), or of interpolations; or many samples."""
    from bench.driver import sampling
    from bench.io import tensors
    from bench.io.files import write_atomically
    from bench.plugins import installation

    kind, out, npz = options.kind, options.out, options.npz
    installation.install_all(options.plugin or [])
    _check_sampler(options.sampler, kind)
    for path, suffix in ((out, ".png"), (npz, ".npz")):
        if path and path.suffix != suffix:
            raise UserError(f"{path} must end in {suffix}")
    if options.folder:
        _write_files(options, options.folder)
        return
    result = sampling.make(
        kind,
        sampling.open_trial(options.trial),
        count=options.count,
        sampler=options.sampler,
        seed=options.seed,
        prepared=options.prepared,
        device=options.device,
    )
    write_atomically(out, result.grid())
    say(f"{len(result.images)} {kind.value}: {out}")
    if npz:
        write_atomically(npz, tensors.to_npz(result.arrays))
        shapes = ", ".join(f"{name} {list(values.shape)}" for name, values in result.arrays.items())
        say(f"arrays: {npz} ({shapes})")


def _write_files(options: Options, folder: Path) -> None:
    from bench.driver import sample_files, sampling

    if options.kind is not ImageKind.samples:
        raise UserError(f"--folder applies to --kind samples only; leave it out for {options.kind.value}")
    request = sample_files.SampleRequest(
        trial=sampling.open_trial(options.trial),
        count=options.count,
        sampler=options.sampler,
        seed=options.seed,
        prepared=options.prepared,
        device=options.device,
    )
    written = sample_files.write_files(request, folder, options.npz)
    there = options.count - written
    say(f"{options.count} samples: {folder}" + (f" ({there} were there already)" if there else ""))
    if options.npz:
        say(f"arrays: {options.npz}")


def _check_sampler(sampler: str, kind: ImageKind) -> None:
    from bench.evaluation.samplers import SAMPLERS

    if sampler not in SAMPLERS:
        raise unknown("sampler", sampler, SAMPLERS)
    if sampler != "prior" and kind is not ImageKind.samples:
        raise UserError(f"--sampler {sampler} applies to --kind samples only; {kind.value} encode held-out images")


if __name__ == "__main__":
    app()
