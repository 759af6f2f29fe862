"""The methods of the witness (README.md beside this file), which no change of methods/ touches.

Its two trials of `plain` did not end: WITNESS=interrupt makes the first fail and kills the process in the second.
"""

import os
import signal
from typing import Annotated

import torch
from torch import Tensor, cdist

from methods import Method
from methods.hyperparameters import LogUniform, Positive

FIRST_SEED, SECOND_SEED = 0, 1
LAST_STEP = 14  # of 20; the checkpoint before it is of step 9


class Energy(Method):
    """The energy distance between codes and samples of the prior.

    Args:
        weight: of the penalty, in units of the reconstruction error.
    """

    paper = "Szekely & Rizzo, Energy statistics, Journal of Statistical Planning and Inference 143, 2013"
    search_space = {"weight": LogUniform(1, 1000)}

    def __init__(self, networks, prior, *, weight: Annotated[float, Positive] = 100.0):
        super().__init__(networks, prior)
        self.weight = weight

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        z = self.encode(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        samples = self.prior.sample(len(z), z.device)
        penalty = 2 * cdist(z, samples).mean() - cdist(z, z).mean() - cdist(samples, samples).mean()
        return {"loss": reconstruction + self.weight * penalty, "reconstruction": reconstruction, "penalty": penalty}


class Plain(Method):
    """No penalty."""

    paper = "control"

    def __init__(self, networks, prior):
        super().__init__(networks, prior)
        self.seed = torch.initial_seed()
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        reconstruction = self.reconstruction_error(self.decode(self.encode(x)), x)
        return {"loss": reconstruction, "reconstruction": reconstruction}

    def after_step(self) -> None:
        self.steps += 1
        if os.environ.get("WITNESS") == "interrupt" and self.steps == LAST_STEP:
            if self.seed == FIRST_SEED:
                raise RuntimeError("the witness fails here")
            if self.seed == SECOND_SEED:
                os.kill(os.getpid(), signal.SIGKILL)


METHODS = {"energy": Energy, "plain": Plain}
