"""The contract of optimisers: a subclass of `torch.optim.Optimizer`.

    class SignSGD(Optimizer):
        "Steps of one size: the sign of the gradient."

        def __init__(self, params, lr, decay=0.0):
            super().__init__(params, {"lr": lr, "decay": decay})

        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.mul_(1 - group["lr"] * group["decay"]).sub_(group["lr"] * p.grad.sign())

    OPTIMISERS = {"signsgd": SignSGD}

--set training.optimiser=NAME chooses it, and --set training.optimiser_options.decay=0.1 sets a parameter of its
constructor. Read the learning rate from the group at every step: the harness schedules it there. Keep state that must
survive an interruption in `self.state`, as tensors. If the constructor takes `capturable`, steps are replayed on GPUs.
"""

import torch
from torch import nn
from torch.optim import Optimizer

from bench.errors import UserError
from bench.experiment.settings import Training
from bench.plugins.trying import refuse_other_parameters
from bench.runtime.rng import forked
from bench.training.optimisers import OPTIMISERS, make_optimiser

STEPS = 30


def register(name: str, optimiser: object, version: str) -> None:
    """Make the optimiser one that `training.optimiser` may name.

    Raises:
        TypeError: it is no subclass of Optimizer, or its constructor does not take parameters and `lr`.
    """
    del version
    if not (isinstance(optimiser, type) and issubclass(optimiser, Optimizer)):
        raise TypeError("is not a subclass of torch.optim.Optimizer")
    refuse_other_parameters(optimiser, ("params", "lr"), "__init__(self, params, lr, ...) with defaults for the rest")
    OPTIMISERS[name] = optimiser


def check(name: str, optimiser: type[Optimizer]) -> None:
    """Minimise a quadratic function, once without an interruption and once with one, and once with learning rate 0.

    Raises:
        UserError: it does not fall, an interruption changes it, or the learning rate has no effect.
    """
    del optimiser
    with forked(0):
        whole, interrupted, still = _descend(name, 1e-2), _descend(name, 1e-2, stop=STEPS // 2), _descend(name, 0.0)
    start = torch.ones(3, 4)
    if not whole.isfinite().all() or whole.square().sum() >= start.square().sum():
        raise UserError(f"{name} does not lower x^2 from x = 1 in {STEPS} steps with learning rate 0.01")
    if not torch.equal(whole, interrupted):
        raise UserError(f"{name} does not continue from its state_dict(); keep all state in self.state, as tensors")
    if not torch.equal(still, start):
        raise UserError(f'{name} moves with learning rate 0; read group["lr"] at every step')


def _descend(name: str, rate: float, stop: int | None = None) -> torch.Tensor:
    """Minimise x^2 with the learning rate set after construction, as by a schedule. stop: interrupt after this step."""
    training = Training(optimiser=name)
    x = nn.Parameter(torch.ones(3, 4))
    made = make_optimiser(training, [{"params": [x]}], 1.0)
    for step in range(STEPS):
        if step == stop:
            state, made = made.state_dict(), make_optimiser(training, [{"params": [x]}], 1.0)
            made.load_state_dict(state)
        for group in made.param_groups:
            group["lr"] = rate
        x.grad = 2 * x.detach()
        made.step()
    return x.detach()
