"""The networks by name: what each is designed for, and how its encoder and decoder are built."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn

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


@dataclass(frozen=True)
class Architecture:
    """A pair of functions that build an encoder and a decoder; see `architectures`.

    Attributes:
        encoder: function of the image shape, the number of outputs and the width.
        decoder: function of the image shape, the number of latent dimensions and the width.
        multiple_of: the side of images must be a multiple of this number.
        shape: the image shape that the network is designed for.
        width: as published for that shape, or the project's choice if `about` names no source.
        latent_dim: as published or as the project chose, like `width`.
        about: the description in bench.info.
        automatic: whether the setting "auto" may choose this network.
        heavy: whether it computes enough to become faster in low precision, on processors that support it.
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
        """The side of the images that the network is designed for."""
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
        about="four 4x4 stride-2 convolutions with batch norm, decoder from 8x8, as in pythae's comparison on CIFAR-10 "
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
    """Return the deepest automatic network that accepts images of this side and is not designed for larger ones.

    Raises:
        ValueError: no network accepts the images.
    """
    suitable = [name for name, a in NETWORKS.items() if a.automatic and side >= a.side and side % a.multiple_of == 0]
    if not suitable:
        least = min(a.multiple_of for a in NETWORKS.values() if a.automatic)
        raise ValueError(f"no network takes images of {side}x{side}; choose a side that is a multiple of {least}")
    return max(suitable, key=lambda name: NETWORKS[name].multiple_of)
