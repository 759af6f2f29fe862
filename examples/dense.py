"""A plug-in with a network: a dense encoder and decoder for small images."""

from math import prod

from torch import nn

from methods.networks import Architecture


def encoder(shape: tuple[int, int, int], outputs: int, width: int) -> nn.Module:
    """Map images [n, *shape] in [-1, 1] to [n, outputs]."""
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), width), nn.ReLU(), nn.Linear(width, outputs))


def decoder(shape: tuple[int, int, int], latent_dim: int, width: int) -> nn.Module:
    """Map codes [n, latent_dim] to images [n, *shape] in [-1, 1]."""
    layers = (nn.Linear(latent_dim, width), nn.ReLU(), nn.Linear(width, prod(shape)), nn.Tanh())
    return nn.Sequential(*layers, nn.Unflatten(1, shape))


NETWORKS = {
    "dense": Architecture(
        encoder,
        decoder,
        multiple_of=1,
        shape=(1, 8, 8),
        width=128,
        latent_dim=8,
        about="one hidden layer: very small images",
        heavy=False,
    )
}
