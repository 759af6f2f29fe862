"""Detect divergence: a loss is not finite or has exploded, or the method fails because of such values."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from bench.errors import UserError, reason
from bench.store.trial_folder import Row

EXPLODED = 1e6  # a loss above this multiple of max(1, the first row's loss) counts as diverged


class Diverged(Exception):
    """The training has diverged. The message is one line and names the step."""


def refuse_not_finite(means: dict[str, float], step: int) -> None:
    """Raise Diverged if one of the named values is NaN or infinite."""
    for name, value in means.items():
        if not math.isfinite(value):
            raise Diverged(f"{name} is {value} at step {step}")


def refuse_explosion(means: dict[str, float], rows: list[Row], step: int) -> None:
    """Raise Diverged if a mean loss exceeds `EXPLODED` times the first row's, or `EXPLODED` if that was below 1.

    Call it at fixed steps only, so that a resumed training ends at the same step.

    Args:
        means: losses by name, averaged since the last row.
        rows: all rows so far; nothing is checked before the first.
        step: the current step.
    """
    for name, value in means.items() if rows else ():
        recorded = rows[0].get(f"train_{name}")
        first = abs(recorded) if isinstance(recorded, int | float) else 1.0
        if abs(value) > EXPLODED * max(1.0, first):
            raise Diverged(f"{name} has exploded to {value:.3g} (from {first:.3g}) at step {step}")


@contextmanager
def blaming_numbers(method: nn.Module, sums: dict[str, Tensor], step: int) -> Iterator[None]:
    """Turn an exception into Diverged if a loss or parameter is no longer finite, because that is the likely cause.

    For example, a factorisation fails or a distribution refuses NaN.

    Args:
        method: the method whose code runs inside the context.
        sums: losses so far, by name.
        step: the last completed step.
    """
    try:
        yield
    except (UserError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        name = _first_not_finite(method, sums)
        if name is None:
            raise
        raise Diverged(f"{name} is not finite after step {step} ({type(error).__name__}: {reason(error)})") from error


def _first_not_finite(method: nn.Module, sums: dict[str, Tensor]) -> str | None:
    """Return the name of a loss or parameter that is not finite; None if there is none, or the device has failed."""
    try:
        for name, value in (*sums.items(), *method.named_parameters()):
            if not value.isfinite().all():
                return name
    except RuntimeError:
        return None
    return None
