"""The layers of encoders and decoders: functions of the image shape, the number of outputs or inputs, and the width.

Encoders map images [n, c, h, w] to vectors and end in a linear layer. Decoders end in tanh, so that pixels are in
[-1, 1]. Convolutions before batch norm have no bias, because batch norm would remove it.
"""

from typing import Any

import torch
from torch import Tensor, nn

Shape = tuple[int, int, int]  # channels, height, width


class _ChannelsLast(torch.autograd.Function):
    """The identity, but images [n, c, h, w] and their gradients are stored in memory with channels last."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        del ctx
        return x.contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        del ctx
        return grad.contiguous(memory_format=torch.channels_last)


def channels_last(x: Tensor) -> Tensor:
    """Store x [n, c, h, w] and its gradient channels last. Mixed memory formats make convolutions far slower."""
    return _ChannelsLast.apply(x)


class Flatten(nn.Flatten):
    """`nn.Flatten` with a channels-last gradient."""

    def forward(self, input: Tensor) -> Tensor:
        """Images [n, c, h, w] -> [n, c * h * w]."""
        return super().forward(channels_last(input))


class Unflatten(nn.Unflatten):
    """`nn.Unflatten` with channels-last images."""

    def forward(self, input: Tensor) -> Tensor:
        """Vectors [n, c * h * w] -> images [n, c, h, w]."""
        return channels_last(super().forward(input))


def _activation(channels: int, norm: bool = True) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ReLU()] if norm else [nn.ReLU()]


def _from_codes(latent_dim: int, channels: int, side: int) -> list[nn.Module]:
    """[n, latent_dim] -> [n, channels, side, side]."""
    return [nn.Linear(latent_dim, channels * side * side), Unflatten(1, (channels, side, side))]


def convolutional_encoder(
    shape: Shape, outputs: int, width: int, *, blocks: int, norm: bool = True, kernel: int = 4
) -> nn.Module:
    """Build `blocks` convolutions of stride 2 with width, 2 * width, 4 * width ... channels, then one linear layer."""
    channels, height, _ = shape
    layers: list[nn.Module] = []
    for block in range(blocks):
        outer = width << block
        layers += [nn.Conv2d(channels, outer, kernel, 2, (kernel - 1) // 2, bias=not norm), *_activation(outer, norm)]
        channels = outer
    side = height >> blocks
    return nn.Sequential(*layers, Flatten(), nn.Linear(channels * side * side, outputs))


def mirrored_decoder(shape: Shape, latent_dim: int, width: int, *, blocks: int, norm: bool = True) -> nn.Module:
    """Build the mirror image for kernel size 4: one linear layer, `blocks` transposed convolutions of stride 2."""
    channels, height, _ = shape
    inner = width << (blocks - 1)
    layers = [*_from_codes(latent_dim, inner, height >> blocks), *_activation(inner, norm)]
    for block in reversed(range(1, blocks)):
        outer = width << (block - 1)
        layers += [nn.ConvTranspose2d(inner, outer, 4, 2, 1, bias=not norm), *_activation(outer, norm)]
        inner = outer
    return nn.Sequential(*layers, nn.ConvTranspose2d(inner, channels, 4, 2, 1), nn.Tanh())


def published_decoder(
    shape: Shape, latent_dim: int, width: int, *, doublings: int, kernel: int, activated: bool
) -> nn.Module:
    """Build the decoder of WAE and RAE, which starts with 8 * width channels.

    Args:
        shape: channels, height, width of the images.
        latent_dim: the number of inputs.
        width: an eighth of the channels after the linear layer; every doubling of the side halves the channels.
        doublings: transposed convolutions of stride 2; one of stride 1 follows.
        kernel: kernel size.
        activated: whether batch norm and ReLU follow the linear layer.
    """
    channels, height, _ = shape
    inner = 8 * width
    layers = _from_codes(latent_dim, inner, height >> doublings)
    layers += _activation(inner) if activated else []
    for block in range(doublings):
        # With an even kernel, the layer of stride 1 shortens the side by one pixel; the layer before adds that pixel.
        extra = 1 if block == doublings - 1 else kernel % 2
        transposed = nn.ConvTranspose2d(inner, inner // 2, kernel, 2, (kernel - 1) // 2, extra, bias=False)
        layers += [transposed, *_activation(inner // 2)]
        inner //= 2
    return nn.Sequential(*layers, nn.ConvTranspose2d(inner, channels, kernel, 1, kernel // 2), nn.Tanh())


class Residual(nn.Module):
    """The sum of two branches."""

    def __init__(self, body: list[nn.Module], skip: list[nn.Module]) -> None:
        super().__init__()
        self.body, self.skip = nn.Sequential(*body), nn.Sequential(*skip)

    def forward(self, x: Tensor) -> Tensor:
        """Return skip(x) + body(x)."""
        return channels_last(self.skip(x) + self.body(x))  # gradients of pooling have another memory format


def _bottleneck(channels: int, hidden: int) -> nn.Module:
    body = [nn.ReLU(), nn.Conv2d(channels, hidden, 3, 1, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1)]
    return Residual(body, [])


def small_residual_encoder(shape: Shape, outputs: int, width: int) -> nn.Module:
    """Build three convolutions to 2 * width channels at a quarter of the side, two bottlenecks, a linear layer."""
    channels, height, _ = shape
    inner, hidden, side = 2 * width, max(width // 2, 1), height >> 2
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, 2, 1),
        nn.Conv2d(width, inner, 4, 2, 1),
        nn.Conv2d(inner, inner, 3, 1, 1),
        _bottleneck(inner, hidden),
        _bottleneck(inner, hidden),
        Flatten(),
        nn.Linear(inner * side * side, outputs),
    )


def small_residual_decoder(shape: Shape, latent_dim: int, width: int) -> nn.Module:
    """Build a linear layer, two bottlenecks of width / 2 and two transposed convolutions of stride 2."""
    channels, height, _ = shape
    inner, hidden = 2 * width, max(width // 2, 1)
    return nn.Sequential(
        *_from_codes(latent_dim, inner, height >> 2),
        _bottleneck(inner, hidden),
        _bottleneck(inner, hidden),
        nn.ConvTranspose2d(inner, width, 4, 2, 1),
        nn.ConvTranspose2d(width, channels, 4, 2, 1),
        nn.Tanh(),
    )


def _conv3(inner: int, outer: int, stride: int = 1) -> nn.Module:
    return nn.Conv2d(inner, outer, 3, stride, 1, bias=False)


def _match(inner: int, outer: int) -> list[nn.Module]:
    """The layers of a skip that changes the number of channels."""
    return [nn.Conv2d(inner, outer, 1, bias=False)] if inner != outer else []


def _down(inner: int, outer: int) -> nn.Module:
    """Halve the side: pre-activation (He et al., 1603.05027), the skip is average-pooled (He et al., 1812.01187, D)."""
    body = [*_activation(inner), _conv3(inner, outer, 2), *_activation(outer), _conv3(outer, outer)]
    return Residual(body, [nn.AvgPool2d(2), *_match(inner, outer)])


def _up(inner: int, outer: int) -> nn.Module:
    """Double the side, as in the generator of spectral normalisation (Miyato et al., 1802.05957)."""
    double = nn.Upsample(scale_factor=2)  # nearest
    body = [*_activation(inner), double, _conv3(inner, outer), *_activation(outer), _conv3(outer, outer)]
    return Residual(body, [*_match(inner, outer), double])


def _stages(width: int, blocks: int) -> list[int]:
    return [min(width << block, 8 * width) for block in range(blocks)]


def residual_encoder(shape: Shape, outputs: int, width: int, *, blocks: int) -> nn.Module:
    """Build a convolution and `blocks` residual blocks that halve the side, with width to 8 * width channels."""
    channels, height, _ = shape
    stages, side = _stages(width, blocks), height >> blocks
    downs = [_down(inner, outer) for inner, outer in zip([width, *stages], stages, strict=False)]
    last = [*_activation(stages[-1]), Flatten(), nn.Linear(stages[-1] * side * side, outputs)]
    return nn.Sequential(_conv3(channels, width), *downs, *last)


def residual_decoder(shape: Shape, latent_dim: int, width: int, *, blocks: int) -> nn.Module:
    """Build the mirror image: a linear layer, `blocks` residual blocks that double the side, and a convolution."""
    channels, height, _ = shape
    stages = _stages(width, blocks)[::-1]
    ups = [_up(inner, outer) for inner, outer in zip(stages, [*stages[1:], width], strict=True)]
    last = [*_activation(width), nn.Conv2d(width, channels, 3, 1, 1), nn.Tanh()]
    return nn.Sequential(*_from_codes(latent_dim, stages[0], height >> blocks), *ups, *last)
