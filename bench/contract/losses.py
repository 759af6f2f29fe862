"""Checks of `losses` at awkward sizes, under torch.compile, and without waiting for the device."""

import re
import sysconfig
import traceback
from pathlib import Path

import torch

from bench.contract.modes import NoReading, NoWaiting, Waits
from bench.contract.subject import Broken, Subject, images, names
from bench.runtime import rng
from methods import Method

SIZES = ((2, 2), (2, 256), (3, 3), (100, 17), (257, 2), (257, 256))  # batch and latent
OUTSIDE = (str(Path(torch.__file__).parent.parent), sysconfig.get_path("stdlib"), str(Path(__file__).parent), "<")


def check_finite(subject: Subject) -> None:
    """Losses and gradients are finite for batches of 2 to 257, latents of 2 to 256, and images that are all equal."""
    for n, dim in SIZES:
        _check_finite(subject.build(dim), images(n), f"for a batch of {n} and {dim} latent dimensions")
    _check_finite(subject.build(), images(1).expand(5, -1, -1, -1), "where all images are equal")


def _check_finite(method: Method, x: torch.Tensor, where: str) -> None:
    losses = method.losses(x)
    wrong = [name for name, value in losses.items() if not value.isfinite()]
    if wrong:
        raise Broken(f"{names(wrong)} is not finite {where}")
    losses["loss"].backward()
    wrong = [name for name, p in method.named_parameters() if p.grad is not None and not p.grad.isfinite().all()]
    if wrong:
        raise Broken(f"the gradient of {names(wrong)} is not finite {where}")


def check_traces(subject: Subject, backend: str = "eager") -> None:
    """torch.compile takes `losses` as one graph, and gives the same values."""
    from torch._inductor import config  # which takes a second

    eager, traced, x = subject.build(), subject.build(), images(8)
    torch._dynamo.reset()
    rng.seed_everything(1)
    expected = eager.losses(x)
    rng.seed_everything(1)
    with config.patch(fallback_random=True):  # else inductor draws otherwise
        found = torch.compile(traced.losses, fullgraph=True, backend=backend)(x)
    for name, value in expected.items():
        if not torch.allclose(found[name], value, rtol=1e-4, atol=1e-5):
            raise Broken(f"compiled, {name} is {found[name].item():.6g} instead of {value.item():.6g}")


def check_waiting(subject: Subject) -> None:
    """Neither losses, nor their backward pass, nor after_step makes the host wait for the device."""
    method, x = subject.build(), images(8)
    part = "losses"
    try:
        with NoReading(), NoWaiting():
            loss = method.losses(x)["loss"]
            part = "the backward pass"
            loss.backward()
            part = "after_step"
            method.after_step()
    except Waits as error:
        raise Broken(f"{part} waits for the device{place(error)}: {error}") from None


def place(error: BaseException) -> str:
    """' at moco.py:68', the innermost code that is neither a library's nor of these checks; '' if there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [(frame.filename, frame.lineno) for frame in frames]
    lines += re.findall(r'File "(.+)", line (\d+)', str(error))  # where torch.compile says it
    mine = [(file, line) for file, line in lines if not file.startswith(OUTSIDE)]
    return f" at {Path(mine[-1][0]).name}:{mine[-1][1]}" if mine else ""
