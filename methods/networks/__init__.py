"""Encoders and decoders by name, and the boundary of low precision. Their layers are in architectures.py.

Every method gets its networks from here, so all methods of an experiment share one architecture. Inside a network
computation may run in bfloat16; what enters and leaves is float32, so codes, losses and distances always are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from methods.functional import RECONSTRUCTIONS
from methods.networks.architectures import (
    Shape,
    convolutional_encoder,
    mirrored_decoder,
    published_decoder,
    residual_decoder,
    residual_encoder,
    small_residual_decoder,
    small_residual_encoder,
)
from methods.networks.initialisation import INITIALISATIONS

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Boundary(nn.Module):
    """Runs `body` in `dtype` under autocast; takes and gives float32."""

    def __init__(self, body: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.body = body
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, self.dtype, enabled=self.dtype != torch.float32):
            return self.body(x).float()


def mlp(inputs: int, width: int, depth: int, outputs: int = 1) -> nn.Module:
    """`depth` hidden layers of `width` with ReLU, then a linear layer."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


@dataclass(frozen=True)
class Architecture:
    """A pair of network makers, of (image shape, outputs or latent_dim, width); see `architectures`.

    multiple_of: image sides must be multiples of it.
    shape, width, latent_dim: of the images it is meant for, and as published there; ours where `about` names no source.
    automatic: "auto" may choose it.
    heavy: it computes so much that low precision, where a processor has it, makes it faster.
    """

    encoder: Callable[[Shape, int, int], nn.Module]
    decoder: Callable[[Shape, int, int], nn.Module]
    multiple_of: int
    shape: Shape
    width: int
    latent_dim: int
    about: str
    automatic: bool = False
    heavy: bool = True

    @property
    def side(self) -> int:
        return self.shape[1]


def _residual(blocks: int, side: int, width: int, latent_dim: int, *, automatic: bool = False) -> Architecture:
    return Architecture(
        partial(residual_encoder, blocks=blocks),
        partial(residual_decoder, blocks=blocks),
        multiple_of=1 << blocks,
        shape=(3, side, side),
        width=width,
        latent_dim=latent_dim,
        about=f"{blocks} pre-activation residual blocks with batch norm: {side}x{side} images",
        automatic=automatic,
    )


NETWORKS: dict[str, Architecture] = {
    "small": Architecture(
        partial(convolutional_encoder, blocks=2, norm=False),
        partial(mirrored_decoder, blocks=2, norm=False),
        multiple_of=4,
        shape=(1, 8, 8),
        width=32,
        latent_dim=8,
        about="two 4x4 stride-2 convolutions, no normalisation: digits and MNIST on a CPU",
        automatic=True,
        heavy=False,
    ),
    "dcgan32": Architecture(
        partial(convolutional_encoder, blocks=3),
        partial(mirrored_decoder, blocks=3),
        multiple_of=8,
        shape=(3, 32, 32),
        width=64,
        latent_dim=128,
        about="three 4x4 stride-2 convolutions with batch norm, in the manner of DCGAN: 32x32 images",
        automatic=True,
    ),
    "dcgan64": Architecture(
        partial(convolutional_encoder, blocks=4, kernel=5),
        partial(published_decoder, doublings=3, kernel=5, activated=True),
        multiple_of=16,
        shape=(3, 64, 64),
        width=128,
        latent_dim=64,
        about="four 5x5 stride-2 convolutions with batch norm, decoder from 8x8, as in the WAE paper on CelebA "
        "(1711.01558): 64x64 images",
        automatic=True,
    ),
    "conv32": Architecture(
        partial(convolutional_encoder, blocks=4),
        partial(published_decoder, doublings=2, kernel=4, activated=False),
        multiple_of=16,
        shape=(3, 32, 32),
        width=128,
        latent_dim=128,
        about="four 4x4 stride-2 convolutions with batch norm, decoder from 8x8, as pythae compares on CIFAR-10 "
        "(2206.08309, after RAE, 1903.12436): 32x32 images",
    ),
    "resnet32_small": Architecture(
        small_residual_encoder,
        small_residual_decoder,
        multiple_of=4,
        shape=(3, 32, 32),
        width=64,
        latent_dim=128,
        about="three convolutions and two residual bottlenecks, no normalisation, as pythae's ResNet on CIFAR-10 "
        "(2206.08309): 32x32 images",
    ),
    "resnet32": _residual(3, 32, width=64, latent_dim=128),
    "resnet64": _residual(4, 64, width=64, latent_dim=64),
    "resnet256": _residual(6, 256, width=32, latent_dim=64, automatic=True),
}


def fitting(side: int) -> str:
    """The deepest automatic network that is meant for square images of this side or smaller ones, and can take them.

    Raises:
        ValueError: there is none.
    """
    able = [name for name, a in NETWORKS.items() if a.automatic and side >= a.side and side % a.multiple_of == 0]
    if not able:
        least = min(a.multiple_of for a in NETWORKS.values() if a.automatic)
        raise ValueError(f"no network takes images of {side}x{side}; choose a side that is a multiple of {least}")
    return max(able, key=lambda name: NETWORKS[name].multiple_of)


@dataclass(frozen=True)
class Networks:
    """Makes the networks of one trial.

    Args:
        name: a key of NETWORKS.
        shape: channels, height, width of the images.
        latent_dim: numbers in a code.
        width: channels of the widest-resolution layer; deeper layers double it.
        precision: "fp32" or "bf16", inside the networks only.
        reconstruction: a key of `functional.RECONSTRUCTIONS`: what the decoder is trained by.
        initialisation: a key of INITIALISATIONS.
    """

    name: str
    shape: Shape
    latent_dim: int
    width: int
    precision: str = "fp32"
    reconstruction: str = "squared_error"
    initialisation: str = "torch"

    @property
    def reconstruction_error(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Of decoded and original images [n, c, h, w] in [-1, 1]: a scalar."""
        return RECONSTRUCTIONS[self.reconstruction]

    def __post_init__(self) -> None:
        multiple = NETWORKS[self.name].multiple_of
        if self.shape[1] != self.shape[2] or self.shape[1] % multiple:
            raise ValueError(
                f"network {self.name} needs square images whose side is a multiple of {multiple}, "
                f"not {self.shape[1]}x{self.shape[2]}"
            )

    def encoder(self, outputs: int | None = None) -> nn.Module:
        """A network from images [n, c, h, w] to [n, outputs] (default: latent_dim), float32."""
        return self._ready(NETWORKS[self.name].encoder(self.shape, outputs or self.latent_dim, self.width))

    def decoder(self) -> nn.Module:
        """A network from codes [n, latent_dim] to images [n, c, h, w] in [-1, 1], float32."""
        return self._ready(NETWORKS[self.name].decoder(self.shape, self.latent_dim, self.width))

    def _ready(self, body: nn.Module) -> nn.Module:
        INITIALISATIONS[self.initialisation](body)
        return Boundary(body, DTYPES[self.precision])
