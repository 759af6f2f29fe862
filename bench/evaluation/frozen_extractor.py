"""Extractors of plug-ins: networks that are not trained on the data set."""

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.errors import UserError
from bench.io.files import sha256
from bench.runtime.code_location import naming
from bench.runtime.rng import forked

Shape = tuple[int, int, int]
PROBED = 4  # random images on which a network is tried out


@dataclass(frozen=True)
class FrozenExtractor:
    """The features of a network, or of any other module.

    Attributes:
        name: as `evaluation.extractor` names it.
        network: uint8 images [n, c, h, w] -> features [n, dim].
        sha256: of its code and its weights.
        dim: the number of features.
    """

    name: str
    network: nn.Module
    sha256: str
    dim: int
    precision: str = "fp32"
    accuracy: float | None = None

    def to(self, device: torch.device) -> "FrozenExtractor":
        """Copy the extractor to a device."""
        network = copy.deepcopy(self.network).to(device)
        return FrozenExtractor(self.name, network, self.sha256, self.dim)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """uint8 images [n, c, h, w] -> float32 features [n, dim].

        Raises:
            UserError: the network gives something else, or numbers that are not finite.
        """
        features = self.network(images)
        _refuse_bad(features, len(images), self.name)
        return features.float()


FROZEN: dict[str, Callable[[Shape], FrozenExtractor]] = {}  # name -> builds the extractor for images of a shape


def freeze(name: str, make: Callable[..., nn.Module], version: str, shape: Shape) -> FrozenExtractor:
    """Build the network of an extractor, always with the same random numbers, and try it out.

    Args:
        name: of the extractor.
        make: called with `shape` if it has such a parameter.
        version: of its code.
        shape: of the images.

    Raises:
        UserError: the network cannot be built, or does not give features.
    """
    given = {"shape": shape} if "shape" in inspect.signature(make).parameters else {}
    with forked(0), naming(f"the extractor {name}", make):
        network = make(**given).eval().requires_grad_(False)
        images = torch.randint(0, 256, (PROBED, *shape), dtype=torch.uint8)
        with torch.no_grad():
            features = network(images)
    _refuse_bad(features, PROBED, name)
    weights = [f"{key} {value.dtype} {sha256(_bytes(value))}" for key, value in network.state_dict().items()]
    return FrozenExtractor(name, network, sha256("\n".join([name, version, *weights]).encode()), features.shape[1])


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


def _refuse_bad(features: object, count: int, name: str) -> None:
    if not isinstance(features, Tensor) or features.ndim != 2 or len(features) != count:
        shape = list(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise UserError(f"the extractor {name} gives {shape} for {count} images; it must give features [{count}, d]")
    if not features.is_floating_point() or not features.isfinite().all():
        raise UserError(f"the extractor {name} gives features that are not finite numbers")
