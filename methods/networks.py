"""Encoders and decoders by name, and the boundary of low precision.

Every method gets its networks from here, so all methods of an experiment share one architecture. Inside a network
computation may run in bfloat16; what enters and leaves is float32, so codes, losses and distances always are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
Shape = tuple[int, int, int]  # channels, height, width


class Boundary(nn.Module):
    """Runs `body` in `dtype` under autocast; takes and gives float32."""

    def __init__(self, body: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.body = body
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, self.dtype, enabled=self.dtype != torch.float32):
            return self.body(x).float()


def _norm(channels: int, used: bool) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels)] if used else []


def convolutional_encoder(shape: Shape, outputs: int, width: int, *, blocks: int, norm: bool) -> nn.Module:
    """`blocks` 4x4 convolutions of stride 2 with width, 2 width, 4 width ... channels, then one linear layer."""
    channels, height, _ = shape
    layers: list[nn.Module] = []
    for block in range(blocks):
        layers += [nn.Conv2d(channels, width << block, 4, 2, 1, bias=not norm), *_norm(width << block, norm), nn.ReLU()]
        channels = width << block
    side = height >> blocks
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * side * side, outputs))


def convolutional_decoder(shape: Shape, latent_dim: int, width: int, *, blocks: int, norm: bool) -> nn.Module:
    """The mirror image: one linear layer, then `blocks` transposed convolutions; tanh brings pixels to [-1, 1]."""
    channels, height, _ = shape
    side, inner = height >> blocks, width << (blocks - 1)
    layers: list[nn.Module] = [
        nn.Linear(latent_dim, inner * side * side),
        nn.Unflatten(1, (inner, side, side)),
        *_norm(inner, norm),
        nn.ReLU(),
    ]
    for block in reversed(range(1, blocks)):
        outer = width << (block - 1)
        layers += [nn.ConvTranspose2d(inner, outer, 4, 2, 1, bias=not norm), *_norm(outer, norm), nn.ReLU()]
        inner = outer
    return nn.Sequential(*layers, nn.ConvTranspose2d(inner, channels, 4, 2, 1), nn.Tanh())


def mlp(inputs: int, width: int, depth: int, outputs: int = 1) -> nn.Module:
    """`depth` hidden layers of `width` with ReLU, then a linear layer."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


@dataclass(frozen=True)
class Architecture:
    """A pair of network makers; image sides must be multiples of `multiple_of`, and `side` is what it is meant for."""

    encoder: Callable[[Shape, int, int], nn.Module]
    decoder: Callable[[Shape, int, int], nn.Module]
    multiple_of: int
    side: int
    about: str


def _convolutional(blocks: int, norm: bool, side: int, about: str) -> Architecture:
    return Architecture(
        partial(convolutional_encoder, blocks=blocks, norm=norm),
        partial(convolutional_decoder, blocks=blocks, norm=norm),
        multiple_of=1 << blocks,
        side=side,
        about=about,
    )


NETWORKS: dict[str, Architecture] = {
    "small": _convolutional(2, False, 8, "two 4x4 stride-2 convolutions, no normalisation: digits and MNIST on a CPU"),
    "dcgan32": _convolutional(3, True, 32, "three 4x4 stride-2 convolutions with batch norm (DCGAN): 32x32 images"),
    "conv64": _convolutional(
        4,
        True,
        64,
        "four 4x4 stride-2 convolutions with batch norm: 64x64 images; of width 128 the channels of the WAE paper",
    ),
    "conv256": _convolutional(6, True, 256, "six 4x4 stride-2 convolutions with batch norm: 256x256 images"),
}


def fitting(side: int) -> str:
    """The deepest network that is meant for square images of this side or smaller ones, and can take them.

    Raises:
        ValueError: there is none.
    """
    able = [name for name, a in NETWORKS.items() if side >= a.side and side % a.multiple_of == 0]
    if not able:
        least = min(a.multiple_of for a in NETWORKS.values())
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
    """

    name: str
    shape: Shape
    latent_dim: int
    width: int
    precision: str = "fp32"

    def __post_init__(self) -> None:
        multiple = NETWORKS[self.name].multiple_of
        if self.shape[1] != self.shape[2] or self.shape[1] % multiple:
            raise ValueError(
                f"network {self.name} needs square images whose side is a multiple of {multiple}, "
                f"not {self.shape[1]}x{self.shape[2]}"
            )

    def encoder(self, outputs: int | None = None) -> nn.Module:
        """A network from images [n, c, h, w] to [n, outputs] (default: latent_dim), float32."""
        body = NETWORKS[self.name].encoder(self.shape, outputs or self.latent_dim, self.width)
        return Boundary(body, DTYPES[self.precision])

    def decoder(self) -> nn.Module:
        """A network from codes [n, latent_dim] to images [n, c, h, w] in [-1, 1], float32."""
        return Boundary(NETWORKS[self.name].decoder(self.shape, self.latent_dim, self.width), DTYPES[self.precision])
