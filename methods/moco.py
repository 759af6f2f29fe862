"""MoCo-WAE: Arpit, Bhatnagar, Wang, Xiong, Momentum Contrastive Autoencoder, arXiv 2110.10303."""

from copy import deepcopy
from typing import Annotated

import torch
from torch import Tensor

from methods.base import Method
from methods.functional import ema_, info_nce, info_nce_floor
from methods.hyperparameters import AtLeastOne, Choice, LogUniform, Positive, UnitOpen
from methods.networks import Networks
from methods.priors import Prior


class MoCo(Method):
    """A contrastive loss against a queue of past keys spreads codes uniformly over the sphere.

    The encoder and its moving average (He et al., arXiv 1911.05722) see the same image, without augmentation. The queue
    is first in, first out, and starts with random unit vectors.

    Args:
        weight: lambda, in units of the training images' total variance (`Networks.weight_unit`).
        temperature: tau; logits are cosine similarities over tau. A smaller tau needs a larger queue.
        queue_size: K, the number of negatives; at most the number of training images, so that a queue rarely holds an
            older key of the query's own image.
        momentum: m, the decay of the key encoder's moving average.
    """

    priors = ("sphere",)
    averages = ("key_encoder",)
    paper = "Arpit et al., arXiv 2110.10303; momentum contrast: He et al., arXiv 1911.05722, equations 1 and 2"
    published_names = ("MoCo-WAE",)
    search_space = {
        "weight": LogUniform(0.001, 10),
        "temperature": LogUniform(0.03, 1),
        "queue_size": LogUniform(128, 16384, integer=True),
        "momentum": Choice((0.9, 0.99, 0.999, 0.9999)),
    }

    queue: Tensor
    cursor: Tensor
    keys: Tensor

    def __init__(
        self,
        networks: Networks,
        prior: Prior,
        *,
        weight: Annotated[float, Positive] = 0.18,
        temperature: Annotated[float, Positive] = 0.12,
        queue_size: Annotated[int, AtLeastOne] = 770,
        momentum: Annotated[float, UnitOpen] = 0.9,
    ) -> None:
        super().__init__(networks, prior)
        self.weight, self.temperature, self.momentum = weight * networks.weight_unit, temperature, momentum
        self.key_encoder = deepcopy(self.encoder).requires_grad_(False)
        self.register_buffer("queue", prior.sample(min(queue_size, networks.train_images or queue_size)))
        self.register_buffer("cursor", torch.zeros((), dtype=torch.long))
        # The keys of the last batch, enqueued after the step. Not saved: a resumed training does not need them.
        self.register_buffer("keys", torch.empty(0, prior.dim), persistent=False)

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Add InfoNCE against the queue to the reconstruction error."""
        z = self.encode(x)
        self.keys = self.encode_keys(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        penalty = info_nce(z, self.keys, self.queue, self.temperature)
        return {"loss": reconstruction + self.weight * penalty, "reconstruction": reconstruction, "penalty": penalty}

    def floor(self, n: int) -> float:
        """Return InfoNCE of uniform codes with identical positives: the limit for many negatives."""
        return info_nce_floor(self.prior.dim, len(self.queue), self.temperature)

    @torch.no_grad()
    def encode_keys(self, x: Tensor) -> Tensor:
        """Return the codes [n, d] of the momentum encoder, without gradients."""
        return self.prior.project(self.key_encoder(x))

    @torch.no_grad()
    def after_step(self) -> None:
        """Update the moving average, and enqueue the keys of the batch."""
        ema_(self.key_encoder, self.encoder, self.momentum)
        size = len(self.queue)
        keys = self.keys[-size:]  # a batch larger than the queue leaves only its last keys there
        rows = (self.cursor + torch.arange(len(keys), device=self.cursor.device)) % size
        self.queue.index_copy_(0, rows, keys)
        self.cursor.add_(len(keys)).remainder_(size)

    def diagnostics(self, x: Tensor) -> dict[str, Tensor]:
        """Return the alignment E|z - k|^2, the contrastive loss, and its excess over `floor`."""
        z, keys = self.encode(x), self.encode_keys(x)
        contrastive = info_nce(z, keys, self.queue, self.temperature)
        return {
            "alignment": (z - keys).square().sum(1).mean(),
            "contrastive": contrastive,
            "contrastive_excess": contrastive - self.floor(len(x)),
        }
