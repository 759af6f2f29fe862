"""Write many samples of a trained method as PNG files, for tools such as pytorch-fid, clean-fid or torch-fidelity.

With the seed, the sampler and the number of the trial's evaluation, they are the images that its metrics saw.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bench.analysis.protocols import difference
from bench.data.images import batch_size, to_uint8
from bench.errors import UserError
from bench.evaluation import samplers
from bench.experiment.origins import ORIGINS
from bench.experiment.source_code import code_sha256
from bench.io import tensors
from bench.io.files import file_sha256, write_atomically
from bench.io.limits import CHECKPOINTS
from bench.io.untrusted import Malformed, parse_json, read_bounded
from bench.runtime.environment import torch_device
from bench.runtime.rng import forked
from bench.store.trial_folder import TrialFolder
from bench.training.loading import images_of, trained_method

STAMP = "samples.json"  # what the images in a folder are


@dataclass(frozen=True)
class SampleRequest:
    """Samples of a trial.

    Attributes:
        trial: the trial.
        count: number of images.
        sampler: a key of SAMPLERS.
        seed: seeds the draws.
        prepared: folder of prepared data sets; by default, where it was during training.
        device: a PyTorch device; by default a GPU if there is one.
    """

    trial: TrialFolder
    count: int
    sampler: str = "prior"
    seed: int = 0
    prepared: Path | None = None
    device: str | None = None

    @property
    def stamp(self) -> dict[str, object]:
        """What determines the images."""
        paths = (self.trial.path / name for name in CHECKPOINTS)
        checkpoint = next((file_sha256(path) for path in paths if path.exists()), None)
        origin = ORIGINS.get(("sampler", self.sampler))  # of a plug-in
        code = {"sampler_sha256": code_sha256(*origin, shared=False)} if origin else {}
        return {"checkpoint": checkpoint, "count": self.count, "sampler": self.sampler, "seed": self.seed, **code}

    @torch.no_grad()
    def batches(self) -> Iterator[Tensor]:
        """Generate uint8 batches [n, c, h, w] on the CPU, as the trial's evaluation does."""
        method = trained_method(self.trial, torch_device(self.device))
        spec = self.trial.trial().spec
        size = batch_size(*spec.preprocessing.shape[1:])
        with forked(self.seed):
            source: samplers.Sampler = method
            if self.sampler != "prior":
                with images_of(self.trial, self.prepared) as data:
                    images = data.images("train")[: spec.training.train_images]
                    source = samplers.SAMPLERS[self.sampler](method, images)
            for start in range(0, self.count, size):
                yield to_uint8(source.sample(min(size, self.count - start))).cpu()


def write_files(request: SampleRequest, folder: Path, npz: Path | None = None) -> int:
    """Write `00000.png` and so on; files that an interrupted call has written stay.

    Args:
        request: what to generate.
        folder: is created. It may hold only what an earlier call with the same request wrote.
        npz: receives all images as one array, "images".

    Returns:
        The number of files that were missing.

    Raises:
        UserError: the folder holds something else, or the trial has no checkpoint.
    """
    _claim(folder, request.stamp)
    digits, number, written, kept = len(str(request.count - 1)), 0, 0, []
    for batch in request.batches():
        for image in batch:
            path = folder / f"{number:0{max(digits, 5)}}.png"
            if not path.exists():
                write_atomically(path, _png(image))
                written += 1
            number += 1
        if npz:
            kept.append(batch)
    if npz:
        write_atomically(npz, tensors.to_npz({"images": torch.cat(kept)}))
    return written


def _claim(folder: Path, stamp: dict[str, object]) -> None:
    """Mark a folder as that of these samples."""
    path = folder / STAMP
    if not folder.exists() or not any(folder.iterdir()):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(stamp).encode())
        return
    try:
        before = parse_json(read_bounded(path), path) if path.exists() else None
    except Malformed:
        before = None
    if before != stamp:
        other = difference(before, stamp) if isinstance(before, dict) else None
        what = f"other samples ({other})" if other else "other files"
        raise UserError(f"{folder} holds {what}; name a new folder, or repeat the command that wrote them")


def _png(image: Tensor) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    pixels = image[0] if len(image) == 1 else image.permute(1, 2, 0)
    Image.fromarray(pixels.numpy()).save(buffer, "PNG")
    return buffer.getvalue()
