"""What is compared: one method a file, one line a method here. Imports torch only, never bench, never ray."""

from methods.autoencoder import Autoencoder
from methods.base import Method
from methods.gan import GAN
from methods.mmd import MMD
from methods.moco import MoCo
from methods.vae import VAE

METHODS: dict[str, type[Method]] = {
    "moco": MoCo,
    "mmd": MMD,
    "gan": GAN,
    "vae": VAE,
    "autoencoder": Autoencoder,
}

__all__ = ["METHODS", "Method"]
