"""Make images with a trained method: samples, reconstructions or interpolations."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bench.data.images import batch_size, to_uint8, to_unit
from bench.driver.choices import ImageKind
from bench.errors import UserError
from bench.evaluation import samplers
from bench.evaluation.image_grids import STEPS, grid_columns, grid_png, interpolate_codes
from bench.io import untrusted
from bench.runtime.environment import torch_device
from bench.runtime.numerics import limit_threads
from bench.runtime.rng import forked
from bench.store.trial_folder import TrialFolder
from bench.training.loading import images_of, trained_method
from methods import Method


@dataclass(frozen=True)
class ImageSet:
    """Images that a method made.

    Attributes:
        kind: Samples, reconstructions or interpolations.
        arrays: "images", uint8 [n, c, h, w]. Reconstructions and interpolations also have "codes" [n, d], and
            "originals" or "ends": the held-out images, uint8.
    """

    kind: ImageKind
    arrays: dict[str, Tensor]

    @property
    def images(self) -> Tensor:
        """The images, uint8 [n, c, h, w]."""
        return self.arrays["images"]

    def grid(self) -> bytes:
        """Draw a PNG: rows of images; reconstructions below their originals; an interpolation per row."""
        columns = STEPS if self.kind is ImageKind.interpolations else grid_columns(self.images.shape[3])
        originals = self.arrays.get("originals")
        return grid_png(self.images if originals is None else _interleave(originals, self.images, columns), columns)


def open_trial(path: Path) -> TrialFolder:
    """Open the folder of a trial.

    Raises:
        UserError: The folder is not a trial, or holds unsafe files.
    """
    untrusted.refuse_unsafe_tree(path)
    folder = TrialFolder(path)
    if not folder.exists("spec.json"):
        remedy = "name a folder such as results/digits/trials/moco-s0-..."
        raise UserError(f"{path} is not a trial: it has no spec.json; {remedy}")
    return folder


def make(
    kind: ImageKind,
    folder: TrialFolder,
    *,
    count: int,
    sampler: str = "prior",
    seed: int = 0,
    prepared: Path | None = None,
    device: str | None = None,
) -> ImageSet:
    """Make images with the trained method of a trial.

    Args:
        kind: What to make.
        folder: The trial.
        count: Number of images; interpolations are rounded up to whole rows.
        sampler: A key of SAMPLERS; used for samples only.
        seed: Seed of the random draws.
        prepared: Folder of prepared data sets; by default, where it was during training.
        device: A PyTorch device; by default a GPU if there is one.

    Raises:
        UserError: There are too few held-out images, or there is no checkpoint.
    """
    limit_threads()
    method = trained_method(folder, torch_device(device))
    spec = folder.trial().spec
    size = batch_size(*spec.preprocessing.shape[1:])
    with torch.no_grad(), forked(seed):
        if kind is ImageKind.samples:
            source = method
            if sampler != "prior":
                with images_of(folder, prepared) as data:
                    source = samplers.SAMPLERS[sampler](method, data.images("train")[: spec.training.train_images])
            return ImageSet(kind, {"images": _sample(source, count, size)})
        with images_of(folder, prepared) as data:  # mapped, the images stay readable whatever becomes of the files
            held_out = torch.from_numpy(data.images(spec.evaluation.split))
        if kind is ImageKind.reconstructions:
            originals = _draw_images(held_out, count)
            codes = _encode(method, originals, size)
            arrays = {"images": _decode(method, codes, size), "codes": codes.cpu(), "originals": originals}
        else:
            ends = _draw_images(held_out, 2 * -(-count // STEPS))
            codes = interpolate_codes(method, _encode(method, ends, size))
            arrays = {"images": _decode(method, codes, size), "codes": codes.cpu(), "ends": ends}
        return ImageSet(kind, arrays)


def _sample(source: samplers.Sampler, count: int, size: int) -> Tensor:
    batches = [min(size, count - start) for start in range(0, count, size)]
    return torch.cat([to_uint8(source.sample(n)).cpu() for n in batches])


def _draw_images(held_out: Tensor, count: int) -> Tensor:
    if count > len(held_out):
        raise UserError(f"there are {len(held_out)} held-out images, {count} are needed; lower --count")
    return held_out[torch.randperm(len(held_out))[:count]]


def _encode(method: Method, images: Tensor, size: int) -> Tensor:
    return torch.cat([method.encode(to_unit(batch.to(method.device))) for batch in images.split(size)])


def _decode(method: Method, codes: Tensor, size: int) -> Tensor:
    return torch.cat([to_uint8(method.decode(batch)).cpu() for batch in codes.split(size)])


def _interleave(originals: Tensor, images: Tensor, columns: int) -> Tensor:
    """Alternate rows of originals with rows of their images; white images fill incomplete last rows."""
    missing = -len(images) % columns
    originals, images = (
        torch.cat([part, part.new_full((missing, *part.shape[1:]), 255)]) for part in (originals, images)
    )
    rows = zip(originals.split(columns), images.split(columns), strict=True)
    return torch.cat([row for pair in rows for row in pair])
