"""The contract of networks: an encoder and a decoder for images of any size that the network takes.

    def encoder(shape, outputs, width):
        return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), width), nn.ReLU(), nn.Linear(width, outputs))

    NETWORKS = {"dense": Architecture(encoder, decoder, multiple_of=1, shape=(1, 28, 28), width=256, latent_dim=8,
                                      about="one hidden layer")}

`shape` is (channels, height, width) of the images. `encoder(shape, outputs, width)` returns a module that maps images
[n, *shape] in [-1, 1] to [n, outputs]. `decoder(shape, latent_dim, width)` returns one that maps codes [n, latent_dim]
to images [n, *shape] in [-1, 1], so it ends in a tanh. `width` is the setting network.width, for you to interpret. See
`methods.networks.Architecture` for the other values. --set network.name=NAME chooses the network for all methods.
"""

import torch

from bench.errors import UserError
from bench.experiment.specification import TrialSpec
from bench.plugins.trying import refuse_other_parameters, refuse_unlike
from bench.runtime.code_location import naming
from bench.runtime.rng import forked
from methods.networks import NETWORKS, Architecture, Shape

IMAGES = 3
OUTPUTS = 5


def register(name: str, network: object, version: str) -> None:
    """Make the network one that `network.name` may name.

    Raises:
        TypeError: it is no `Architecture`, or a function has other parameters.
    """
    del version
    if not isinstance(network, Architecture):
        raise TypeError("is not a methods.networks.Architecture; write Architecture(encoder, decoder, ...)")
    refuse_other_parameters(network.encoder, ("shape", "outputs", "width"), "encoder(shape, outputs, width)")
    refuse_other_parameters(network.decoder, ("shape", "latent_dim", "width"), "decoder(shape, latent_dim, width)")
    NETWORKS[name] = network


def check(name: str, network: Architecture) -> None:
    """Build both for the shape that the network is designed for, and pass random images and codes through.

    Raises:
        UserError: one fails, outputs have another shape or are not finite, or images are not in [-1, 1].
    """
    _check(name, network, network.shape, network.latent_dim, network.width)


def check_as_used(name: str, network: Architecture, spec: TrialSpec) -> None:
    """As `check`, for the images, width and latent dimension of a trial."""
    _check(name, network, spec.preprocessing.shape, spec.network.latent_dim, spec.network.width)


def limits(name: str, network: Architecture) -> str:
    """Return why it does not take images of another size and number of channels; "" if it does."""
    channels, height, _ = network.shape
    side = height + network.multiple_of
    try:
        _check(name, network, (4 - channels, side, side), network.latent_dim, network.width)
    except UserError as error:
        return str(error)
    return ""


def _check(name: str, network: Architecture, shape: Shape, latent_dim: int, width: int) -> None:
    side = f"for images {'x'.join(map(str, shape))}"
    with forked(0), torch.no_grad():
        with naming(f"the encoder of {name}, {side},", network.encoder, "lower network.width"):
            codes = network.encoder(shape, OUTPUTS, width).eval()(torch.rand(IMAGES, *shape) * 2 - 1)
        refuse_unlike(codes, (IMAGES, OUTPUTS), f"outputs of the encoder of {name}, {side},")
        with naming(f"the decoder of {name}, {side},", network.decoder, "lower network.width"):
            images = network.decoder(shape, latent_dim, width).eval()(3 * torch.randn(IMAGES, latent_dim))
        refuse_unlike(images, (IMAGES, *shape), f"images of the decoder of {name}, {side},")
    if images.abs().max() > 1:
        raise UserError(f"images of the decoder of {name} must be in [-1, 1]; let it end in a tanh")
