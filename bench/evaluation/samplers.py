"""Samplers of generated images: their codes come from the prior, or from a mixture fitted to the trained codes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from bench.data.images import batch_size, to_unit
from methods import Method

COMPONENTS = 10
FIT_CODES = 20_000  # most training images to whose codes the mixture is fitted


class Sampler(Protocol):
    """Generates images. A method is a sampler itself: it decodes draws from its prior."""

    def sample(self, n: int) -> Tensor:
        """Generate `n` images [n, c, h, w] in [-1, 1], using torch's global generator."""
        ...


@dataclass(frozen=True)
class Mixture:
    """A Gaussian mixture with full covariances, as for RAE (Ghosh et al., arXiv 1903.12436, section 4).

    Draws are projected onto the prior's support.
    """

    method: Method
    weights: Tensor  # [k]
    means: Tensor  # [k, d]
    factors: Tensor  # [k, d, d]: covariance = F F'

    @classmethod
    def fit(cls, method: Method, images: np.ndarray) -> "Mixture":
        """Fit a mixture, seeded, to one code of each of the first FIT_CODES uint8 training images [n, c, h, w]."""
        from sklearn.mixture import GaussianMixture

        codes = encode(method, torch.from_numpy(images[:FIT_CODES])).double().cpu().numpy()
        components = min(COMPONENTS, len(codes))
        # Codes on a sphere have nearly no variance in one direction; a floor on variances keeps the fit well-posed.
        fitted = GaussianMixture(components, reg_covar=1e-6 + 1e-4 * codes.var(0).mean(), random_state=0).fit(codes)
        tensors = [fitted.weights_, fitted.means_, np.linalg.cholesky(np.asarray(fitted.covariances_))]
        return cls(method, *(torch.from_numpy(t).float().to(method.device) for t in map(np.asarray, tensors)))

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """Decode `n` draws from the mixture: images [n, c, h, w] in [-1, 1]."""
        components = torch.multinomial(self.weights, n, replacement=True)
        noise = torch.randn(n, self.means.shape[1], 1, device=self.means.device)
        codes = self.means[components] + (self.factors[components] @ noise).squeeze(2)
        return self.method.decode(self.method.prior.project(codes))


@torch.no_grad()
def encode(method: Method, images: Tensor) -> Tensor:
    """Return one draw from q(z|x), float32 [n, d], for each uint8 image [n, c, h, w] on any device."""
    batches = images.split(batch_size(*images.shape[2:]))
    return torch.cat([method.sample_codes(to_unit(batch.to(method.device))) for batch in batches])


def from_prior(method: Method, images: np.ndarray) -> Sampler:
    """Draws from the prior."""
    del images
    return method


def from_mixture(method: Method, images: np.ndarray) -> Sampler:
    """A mixture of 10 Gaussians fitted to the codes of training images, after the training."""
    return Mixture.fit(method, images)


# name -> function of a trained method and its uint8 training images [n, c, h, w]; plug-ins add theirs
SAMPLERS: dict[str, Callable[[Method, np.ndarray], Sampler]] = {"prior": from_prior, "gmm": from_mixture}
