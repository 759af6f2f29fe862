"""Checks of `losses`: at extreme sizes, under torch.compile, and without synchronising with the device."""

import math
from dataclasses import replace

import torch

from bench.contract.modes import REMEDY, DeviceWait, NoReading, NoWaiting
from bench.contract.subject import Broken, Skipped, Subject, Unfinished, images, listed
from bench.errors import reason
from bench.runtime import rng
from bench.runtime.code_location import location
from methods import Method
from methods.hyperparameters import schema

SIZES = ((2, 2), (2, 256), (3, 3), (100, 17), (257, 2), (257, 256))  # batch size, latent dimensions
UNIT = 8.0  # of weights, in the check of units


def check_finite(subject: Subject) -> None:
    """Losses and gradients are finite for batches of 2 to 257, 2 to 256 latent dimensions, and identical images."""
    for n, dim in SIZES:
        _check_finite(subject.build(dim), images(n), f"for a batch of {n} and {dim} latent dimensions")
    _check_finite(subject.build(), images(1).expand(5, -1, -1, -1), "when all images are equal")


def _check_finite(method: Method, x: torch.Tensor, condition: str) -> None:
    losses = method.losses(x)
    wrong = [name for name, value in losses.items() if not value.isfinite()]
    if wrong:
        raise Broken(f"{listed(wrong)} is not finite {condition}")
    losses["loss"].backward()
    wrong = [name for name, p in method.named_parameters() if p.grad is not None and not p.grad.isfinite().all()]
    if wrong:
        raise Broken(f"the gradient of {listed(wrong)} is not finite {condition}")


def check_units(subject: Subject) -> None:
    """The hyperparameter `weight` is in units of `networks.weight_unit`, so it means the same on every data set."""
    weights = schema(subject.method)
    if "weight" not in weights:
        raise Skipped("it has no hyperparameter called weight")
    given = dict(subject.hyperparameters)
    absolute = given | {"weight": UNIT * given.get("weight", weights["weight"].default)}
    losses = []
    for hyperparameters, unit in ((given, UNIT), (absolute, 1.0)):
        method = replace(subject, hyperparameters=tuple(hyperparameters.items())).build(weight_unit=unit)
        rng.seed_everything(1)
        losses.append(method.losses(images(8))["loss"].item())
    if not math.isclose(*losses, rel_tol=1e-4):
        remedy = "multiply it by networks.weight_unit in __init__, or no default fits two data sets"
        raise Unfinished(f"the weight does not depend on networks.weight_unit; {remedy}")


def check_traces(subject: Subject, backend: str = "eager") -> None:
    """torch.compile captures `losses` as one graph, and the compiled values are the same."""
    from torch._dynamo.exc import Unsupported  # here, because it takes a second
    from torch._inductor import config

    eager, traced, x = subject.build(), subject.build(), images(8)
    torch._dynamo.reset()
    rng.seed_everything(1)
    expected = eager.losses(x)
    rng.seed_everything(1)
    try:
        with config.patch(fallback_random=True):  # inductor would draw other random numbers
            compiled = torch.compile(traced.losses, fullgraph=True, backend=backend)(x)
    except Unsupported as error:
        problem = f"torch.compile cannot follow it{location(error)}: {reason(error)}"
        raise Broken(f"{problem}; {REMEDY}") from None
    for name, value in expected.items():
        if not torch.allclose(compiled[name], value, rtol=1e-4, atol=1e-5):
            raise Broken(f"with torch.compile, {name} is {compiled[name].item():.6g} instead of {value.item():.6g}")


def check_waiting(subject: Subject) -> None:
    """Neither `losses`, nor the backward pass, nor `after_step` makes the host wait for the device."""
    method, x = subject.build(), images(8)
    stage = "losses"
    try:
        with NoReading(), NoWaiting():
            loss = method.losses(x)["loss"]
            stage = "the backward pass"
            loss.backward()
            stage = "after_step"
            method.after_step()
    except DeviceWait as error:
        raise Broken(f"{stage} waits for the device{location(error)}: {error}") from None
