"""The contract between a method and the harness, on one screen.

A method owns its networks, its prior, its buffers and its losses. The harness owns everything else: optimiser,
schedule, data, seeds, recording, checkpoints and evaluation. One optimisation step is

    losses = method.losses(x); losses["loss"].backward(); optimizer.step(); method.after_step()

so a method with an adversary adds both players' losses (see gan.py), and needs no optimiser of its own.

A GPU records one such step and replays it: what changes from step to step is a buffer, a tensor that is changed in
place, not a Python number. (bench.check asks; where a method does otherwise, its steps are not replayed.)
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from methods.networks import Networks
from methods.priors import Prior


class Method(nn.Module):
    """A way to match codes to a prior. Hyperparameters are the keyword-only arguments of `__init__`.

    Args:
        networks: makes the encoder and decoder (`methods.networks`).
        prior: the distribution that codes must follow (`methods.priors`).
    """

    priors: ClassVar[tuple[str, ...]] = ("normal", "sphere")  # supported; the first is the default
    search_space: ClassVar[dict[str, Any]] = {}  # hyperparameter -> LogUniform, Uniform or Choice
    paper: ClassVar[str] = ""  # citation, with the equation
    averages: ClassVar[tuple[str, ...]] = ()  # submodules that `after_step` moves instead of the optimiser

    def __init__(self, networks: Networks, prior: Prior) -> None:
        super().__init__()
        self.prior = prior
        self.encoder = networks.encoder(self.encoder_outputs(prior.dim))
        self.decoder = networks.decoder()
        self.reconstruction_error = networks.reconstruction_error

    @classmethod
    def encoder_outputs(cls, dim: int) -> int:
        """How many numbers the encoder gives for codes of `dim` numbers: more where q(z|x) is a distribution."""
        return dim

    def encode(self, x: Tensor) -> Tensor:
        """Images [n, c, h, w] in [-1, 1] -> deterministic codes [n, d] on the prior's support."""
        return self.prior.project(self.encoder(x))

    def sample_codes(self, x: Tensor) -> Tensor:
        """One draw from q(z|x), shape [n, d]: what must follow the prior. Where q is a point, `encode`."""
        return self.encode(x)

    def decode(self, z: Tensor) -> Tensor:
        """Codes [n, d] -> images [n, c, h, w] in [-1, 1]."""
        return self.decoder(z)

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Scalars for a training batch x [n, c, h, w] in [-1, 1], n >= 2.

        "loss" is minimised. "reconstruction" (`self.reconstruction_error(decoded, x)`) and, where there is one, the
        unweighted "penalty" are named so in every method; further entries are recorded under their own names.
        """
        raise NotImplementedError(f"{type(self).__name__} must define losses(x)")

    def floor(self, n: int) -> float | None:
        """The expected "penalty" of `n` codes drawn from the prior: how low it goes, exactly or for many codes.

        None, the default, where it says nothing of one distribution of codes, as that of an adversary or a posterior.
        """
        del n
        return None

    def param_groups(self) -> list[dict[str, Any]]:
        """Optimiser groups; a group may carry `lr_scale` (times the learning rate) and `betas`. Default: one."""
        return [{"params": [p for p in self.parameters() if p.requires_grad]}]

    def after_step(self) -> None:
        """What follows the optimiser's step, such as a moving average. Default: nothing."""

    def diagnostics(self, x: Tensor) -> dict[str, Tensor]:
        """Scalars that only this method can say of held-out images x [n, c, h, w]; no gradient. Default: none."""
        del x
        return {}

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def sample(self, n: int) -> Tensor:
        """`n` generated images [n, c, h, w] in [-1, 1]: decoded draws from the prior."""
        return self.decode(self.prior.sample(n, self.device))
