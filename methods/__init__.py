"""The methods that the benchmark compares. Each is one file here and one line in METHODS.

To write a method, read `methods.base`: it states the contract and shows a complete example. Building blocks:

- `methods.base.Method`: the base class;
- `methods.functional`: losses and distances that several methods share;
- `methods.hyperparameters`: the types, ranges and search spaces of hyperparameters;
- `methods.priors`: the distributions that codes can follow;
- `methods.networks`: the encoders and decoders.

A method need not be in this package: a file with its own METHODS dictionary is a plug-in (`bench.run --plugin FILE`,
see examples/energy.py). `python -m bench.check NAME|FILE` tests either against the contract.

Defaults come from one search with the same budget for every method (docs/explanation/defaults.md). Weights are in units
of the total variance of the training images, so that they mean the same on every data set.

This package imports torch, but neither bench nor ray.
"""

from methods.align_uniform import AlignUniform
from methods.autoencoder import Autoencoder
from methods.base import Method
from methods.cramer_wold import CramerWold
from methods.gan import GAN
from methods.infovae import InfoVAE
from methods.koleo import KoLeo
from methods.mmd import MMD
from methods.moco import MoCo
from methods.rae import RAE
from methods.sigreg import SIGReg
from methods.simclr import SimCLR
from methods.sinkhorn import Sinkhorn
from methods.sliced import Sliced
from methods.spherical_sliced import SphericalSliced
from methods.svae import SVAE
from methods.vae import VAE
from methods.wasserstein import Wasserstein

METHODS: dict[str, type[Method]] = {
    "moco": MoCo,
    "mmd": MMD,
    "gan": GAN,
    "vae": VAE,
    "autoencoder": Autoencoder,
    "simclr": SimCLR,
    "align_uniform": AlignUniform,
    "koleo": KoLeo,
    "spherical_sliced": SphericalSliced,
    "svae": SVAE,
    "sliced": Sliced,
    "sinkhorn": Sinkhorn,
    "cramer_wold": CramerWold,
    "sigreg": SIGReg,
    "wasserstein": Wasserstein,
    "infovae": InfoVAE,
    "rae": RAE,
}

__all__ = ["METHODS", "Method"]
