"""What is compared: one method a file, one line a method here. Imports torch only, never bench, never ray.

Defaults that a search can change are the best of 32 points on digits, the same number for every method
(configs/studies/defaults_digits.yaml, results/reference/defaults_digits), to two digits. Weights are in units of the
reconstruction error, so other data sets and networks want others: bench.run --tune.
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
