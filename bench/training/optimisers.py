"""The optimisers by name: those of torch.optim in lower case, such as "adamw", and those of plug-ins."""

import inspect
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import nn
from torch.optim import Optimizer

from bench.errors import UserError, reason, unknown
from bench.experiment.settings import Training

# LBFGS needs a closure, SparseAdam sparse gradients; Muon takes matrices only, and no network has only these.
UNFIT = ("Optimizer", "LBFGS", "SparseAdam", "Muon")
OPTIMISERS: dict[str, type[Optimizer]] = {
    name.lower(): kind
    for name, kind in vars(torch.optim).items()
    if inspect.isclass(kind) and issubclass(kind, Optimizer) and name not in UNFIT
}
OURS = {"params", "lr", "fused", "capturable", "foreach", "differentiable"}  # parameters that the harness sets


def make_optimiser(training: Training, groups: list[dict[str, Any]], rate: float) -> Optimizer:
    """Return the optimiser of the settings for these parameter groups.

    Raises:
        KeyError: no plug-in defines it.
    """
    kind = OPTIMISERS[training.optimiser]
    fused = {"fused": True} if "fused" in inspect.signature(kind).parameters else {}
    return cast(Callable[..., Optimizer], kind)(groups, lr=rate, **_options(training), **fused)


def refuse_unknown(training: Training) -> None:
    """Refuse an optimiser that does not exist, and options that it does not take.

    Raises:
        UserError: the message names the option.
    """
    if training.optimiser not in OPTIMISERS:
        raise unknown("optimiser", training.optimiser, OPTIMISERS)
    known = set(inspect.signature(OPTIMISERS[training.optimiser]).parameters) - OURS
    for name in training.optimiser_options:
        if name not in known:
            raise unknown(f"option of {training.optimiser}", name, known)
    if OPTIMISERS[training.optimiser].__module__.startswith("torch.") and not training.optimiser_options:
        return  # making one of torch's imports its compiler
    try:
        make_optimiser(training, [{"params": [nn.Parameter(torch.zeros(2, 2))]}], 1e-3)
    except Exception as error:  # constructors of plug-ins raise all kinds of exceptions
        options = ", ".join(f"{name}={value}" for name, value in training.optimiser_options.items()) or "no options"
        raise UserError(f"the optimiser {training.optimiser} cannot be made with {options}: {reason(error)}") from None


def is_replayable(training: Training) -> bool:
    """Whether its steps can be recorded as a CUDA graph."""
    kind = OPTIMISERS[training.optimiser]
    if kind.__module__.startswith("torch."):  # making one imports torch's compiler
        return "capturable" in inspect.signature(kind).parameters
    made = make_optimiser(training, [{"params": [nn.Parameter(torch.zeros(2, 2))]}], 1e-3)
    return "capturable" in made.param_groups[0]


def _options(training: Training) -> dict[str, Any]:
    options = training.optimiser_options
    return {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
