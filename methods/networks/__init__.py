"""Encoders and decoders by name (registry.py), their layers (architectures.py), and the boundary of low precision.

Every method gets its networks from here, so all methods of an experiment share one architecture. A network may compute
in bfloat16 internally. Its inputs and outputs are float32, and therefore codes, losses and distances are too.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from methods.functional import RECONSTRUCTIONS
from methods.networks.architectures import Shape
from methods.networks.initialisation import INITIALISATIONS
from methods.networks.registry import NETWORKS, Architecture, fitting

__all__ = ["DTYPES", "NETWORKS", "Architecture", "Boundary", "Networks", "Shape", "fitting", "mlp"]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Boundary(nn.Module):
    """Runs `body` in `dtype` under autocast; inputs and outputs are float32."""

    def __init__(self, body: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.body = body
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        """Apply `body`, and convert the result to float32."""
        with torch.autocast(x.device.type, self.dtype, enabled=self.dtype != torch.float32):
            return self.body(x).float()


def mlp(inputs: int, width: int, depth: int, outputs: int = 1) -> nn.Module:
    """Build `depth` hidden layers of `width` units with ReLU, then a linear layer."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


@dataclass(frozen=True)
class Networks:
    """Builds the networks of one trial.

    Args:
        name: a key of NETWORKS.
        shape: channels, height, width of the images.
        latent_dim: the number of latent dimensions.
        width: channels at the highest resolution; deeper layers double it.
        precision: "fp32" or "bf16", inside the networks only.
        reconstruction: a key of `functional.RECONSTRUCTIONS`, the loss that trains the decoder.
        initialisation: a key of INITIALISATIONS.
        weight_unit: the unit of penalty weights, in units of the reconstruction error. The harness passes the error of
            the best constant image, which for the squared error is the total variance of the training images. A weight
            therefore means the same on every data set. 1 makes weights absolute.
        train_images: the number of training images, or None if it is unknown.
    """

    name: str
    shape: Shape
    latent_dim: int
    width: int
    precision: str = "fp32"
    reconstruction: str = "squared_error"
    initialisation: str = "torch"
    weight_unit: float = 1.0
    train_images: int | None = None

    @property
    def reconstruction_error(self) -> Callable[[Tensor, Tensor], Tensor]:
        """The loss function of decoded and original images, both [n, c, h, w] in [-1, 1]; it returns a scalar."""
        return RECONSTRUCTIONS[self.reconstruction]

    def __post_init__(self) -> None:
        multiple = NETWORKS[self.name].multiple_of
        if self.shape[1] != self.shape[2] or self.shape[1] % multiple:
            raise ValueError(
                f"network {self.name} needs square images whose side is a multiple of {multiple}, "
                f"not {self.shape[1]}x{self.shape[2]}"
            )

    def encoder(self, outputs: int | None = None) -> nn.Module:
        """Build a network that maps images [n, c, h, w] to float32 [n, outputs]. Default for outputs: latent_dim."""
        return self._ready(NETWORKS[self.name].encoder(self.shape, outputs or self.latent_dim, self.width))

    def decoder(self) -> nn.Module:
        """Build a network that maps codes [n, latent_dim] to float32 images [n, c, h, w] in [-1, 1]."""
        return self._ready(NETWORKS[self.name].decoder(self.shape, self.latent_dim, self.width))

    def _ready(self, body: nn.Module) -> nn.Module:
        INITIALISATIONS[self.initialisation](body)
        return Boundary(body, DTYPES[self.precision])
