"""python -m bench.sample TRIAL --count 64 --out grid.png: images from any trained method."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench import cli
from bench.errors import UserError, unknown
from bench.runtime.environment import torch_device

if TYPE_CHECKING:
    from torch import Tensor

    from bench.store.folders import TrialFolder
    from methods import Method

app = typer.Typer(**cli.PLAIN)


class Kind(StrEnum):
    samples = "samples"
    reconstructions = "reconstructions"
    interpolations = "interpolations"


@app.command(cls=cli.Command)
def main(
    trial: Annotated[Path, typer.Argument(help="Its folder, such as results/digits/trials/moco-s0-...")],
    kind: Annotated[Kind, typer.Option(help="Interpolations are between held-out images.")] = Kind.samples,
    count: Annotated[int, typer.Option(min=1, max=100_000, help="Images; interpolations are whole rows of 8.")] = 64,
    out: Annotated[Path, typer.Option(help="The grid, a PNG.")] = Path("grid.png"),
    npz: Annotated[
        Path | None, typer.Option(help="Arrays: images (uint8); of what is not sampled also codes, and originals.")
    ] = None,
    sampler: cli.Sampler = "prior",
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Of the draws.")] = 0,
    prepared: cli.PreparedRoot = None,
    plugin: cli.Plugins = None,
    device: cli.Device = None,
) -> None:
    """Write a grid of generated images, of reconstructions (below their originals), or of interpolations."""
    import torch

    from bench.evaluation.image_grids import STEPS, grid_columns, grid_png
    from bench.evaluation.image_grids import npz as arrays
    from bench.evaluation.samplers import SAMPLERS
    from bench.experiment import plugins
    from bench.io import untrusted
    from bench.io.files import write_atomically
    from bench.runtime.rng import forked
    from bench.store.folders import TrialFolder
    from bench.training.loading import trained_method

    if sampler not in SAMPLERS:
        raise unknown("sampler", sampler, SAMPLERS)
    plugins.install_all(plugin or [])
    if sampler != "prior" and kind is not Kind.samples:
        raise UserError(f"--sampler {sampler} is of --kind samples; {kind.value} have codes of their own")
    for path, suffix in ((out, ".png"), (npz, ".npz")):
        if path and path.suffix != suffix:
            raise UserError(f"{path} must end in {suffix}")
    untrusted.look_over(trial)
    folder = TrialFolder(trial)
    if not folder.exists("spec.json"):
        raise UserError(
            f"{trial} is no trial: it has no spec.json; give a folder such as results/digits/trials/moco-s0-..."
        )
    method = trained_method(folder, torch_device(device))
    with torch.no_grad(), forked(seed):
        made = _make(kind, folder, method, count, sampler, prepared)
    images = made["images"]
    columns = grid_columns(images.shape[3]) if kind is not Kind.interpolations else STEPS
    grid = _paired(made["originals"], images, columns) if "originals" in made else images
    write_atomically(out, grid_png(grid, columns))
    print(f"{len(images)} {kind.value}: {out}")
    if npz:
        write_atomically(npz, arrays(made))
        shapes = ", ".join(f"{name} {list(values.shape)}" for name, values in made.items())
        print(f"arrays: {npz} ({shapes})")


def _make(
    kind: Kind, folder: "TrialFolder", method: "Method", count: int, sampler: str, prepared: Path | None
) -> dict[str, "Tensor"]:
    """uint8 "images" [n, c, h, w], and what belongs to them."""
    import torch

    from bench.data.images import batch_size, to_uint8, to_unit
    from bench.evaluation import samplers
    from bench.evaluation.image_grids import STEPS, between
    from bench.training import loading

    spec = folder.trial().spec
    size = batch_size(*spec.preprocessing.shape[1:])
    if kind is Kind.samples:
        source = method
        if sampler != "prior":
            images = loading.prepared_of(folder, prepared).images("train")[: spec.training.train_images]
            source = samplers.sampler(sampler, method, images)
        return {"images": torch.cat([to_uint8(source.sample(n)).cpu() for n in _sizes(count, size)])}
    data = loading.prepared_of(folder, prepared)
    held_out = torch.from_numpy(data.images(spec.evaluation.split))
    lines = -(-count // STEPS)
    needed = count if kind is Kind.reconstructions else 2 * lines
    if needed > len(held_out):
        raise UserError(f"there are {len(held_out)} held-out images, {needed} are needed; lower --count")
    originals = held_out[torch.randperm(len(held_out))[:needed]]
    codes = torch.cat([method.encode(to_unit(part.to(method.device))) for part in originals.split(size)])
    if kind is Kind.interpolations:
        codes = between(method, codes)
        return {"images": _decoded(method, codes, size), "codes": codes.cpu(), "ends": originals}
    return {"images": _decoded(method, codes, size), "codes": codes.cpu(), "originals": originals}


def _decoded(method: "Method", codes: "Tensor", size: int) -> "Tensor":
    import torch

    from bench.data.images import to_uint8

    return torch.cat([to_uint8(method.decode(part)).cpu() for part in codes.split(size)])


def _sizes(count: int, most: int) -> list[int]:
    """`count` in parts of at most `most`."""
    return [min(most, count - start) for start in range(0, count, most)]


def _paired(originals: "Tensor", images: "Tensor", columns: int) -> "Tensor":
    """Lines of originals, each followed by the line of its images; an incomplete last line is filled with white."""
    import torch

    missing = -len(images) % columns
    originals, images = (
        torch.cat([part, part.new_full((missing, *part.shape[1:]), 255)]) for part in (originals, images)
    )
    pairs = zip(originals.split(columns), images.split(columns), strict=True)
    return torch.cat([part for pair in pairs for part in pair])


if __name__ == "__main__":
    app()
