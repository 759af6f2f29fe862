"""Where the codes of generated images come from: the prior, or a mixture fitted to the codes of a finished training."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from bench.data.images import batch_size, to_unit
from methods import Method

COMPONENTS = 10
FIT_CODES = 20_000  # at most, of training images
SAMPLERS = {
    "prior": "draws from the prior",
    "gmm": f"a mixture of {COMPONENTS} Gaussians fitted to the codes of training images, after the training",
}


class Sampler(Protocol):
    """Whatever generates: a method does, from its prior."""

    def sample(self, n: int) -> Tensor:
        """`n` images [n, c, h, w] in [-1, 1], from torch's global generator."""
        ...


def sampler(name: str, method: Method, images: np.ndarray) -> Sampler:
    """The sampler of that name (SAMPLERS). images: uint8 training images [n, c, h, w]."""
    return method if name == "prior" else Mixture.fit(method, images)


@dataclass(frozen=True)
class Mixture:
    """As in RAE (Ghosh et al., arXiv 1903.12436, section 4): full covariances. Draws are projected onto the support."""

    method: Method
    weights: Tensor  # [k]
    means: Tensor  # [k, d]
    factors: Tensor  # [k, d, d]: covariance = F F'

    @classmethod
    def fit(cls, method: Method, images: np.ndarray) -> "Mixture":
        """To one code of each of the first FIT_CODES uint8 training images [n, c, h, w]; scikit-learn, seeded."""
        from sklearn.mixture import GaussianMixture

        codes = encode(method, torch.from_numpy(images[:FIT_CODES])).double().cpu().numpy()
        components = min(COMPONENTS, len(codes))
        # Codes on a sphere leave one direction without variance; the floor on variances keeps that well-posed.
        fitted = GaussianMixture(components, reg_covar=1e-6 + 1e-4 * codes.var(0).mean(), random_state=0).fit(codes)
        tensors = [fitted.weights_, fitted.means_, np.linalg.cholesky(np.asarray(fitted.covariances_))]
        return cls(method, *(torch.from_numpy(t).float().to(method.device) for t in map(np.asarray, tensors)))

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """As `Sampler.sample`."""
        chosen = torch.multinomial(self.weights, n, replacement=True)
        noise = torch.randn(n, self.means.shape[1], 1, device=self.means.device)
        codes = self.means[chosen] + (self.factors[chosen] @ noise).squeeze(2)
        return self.method.decode(self.method.prior.project(codes))


@torch.no_grad()
def encode(method: Method, images: Tensor) -> Tensor:
    """One draw from q(z|x) for each uint8 image [n, c, h, w], wherever they are: codes [n, d], float32."""
    batches = images.split(batch_size(*images.shape[2:]))
    return torch.cat([method.sample_codes(to_unit(batch.to(method.device))) for batch in batches])
