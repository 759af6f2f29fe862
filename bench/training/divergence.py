"""When a training has diverged: a loss is not finite, a loss has exploded, or the method fails on such numbers."""

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
    """Raise Diverged if a value is NaN or infinite. means: values by name."""
    for name, value in means.items():
        if not math.isfinite(value):
            raise Diverged(f"{name} is {value} at step {step}")


def refuse_explosion(means: dict[str, float], rows: list[Row], step: int) -> None:
    """Raise Diverged if a mean loss exceeds `EXPLODED` times the first row's, or `EXPLODED` if that was below 1.

    Call it at fixed steps only, so that a resumed training ends at the same step.

    Args:
        means: losses by name, averaged since the last row.
        rows: all rows so far.
        step: the present one.
    """
    for name, value in means.items() if rows else ():
        recorded = rows[0].get(f"train_{name}")
        first = abs(recorded) if isinstance(recorded, int | float) else 1.0
        if abs(value) > EXPLODED * max(1.0, first):
            raise Diverged(f"{name} has exploded to {value:.3g} (from {first:.3g}) at step {step}")


@contextmanager
def blaming_numbers(method: nn.Module, sums: dict[str, Tensor], step: int) -> Iterator[None]:
    """Turn an exception into Diverged if a loss or parameter is no longer finite, which is then its cause.

    For example, a matrix cannot be factorised or a distribution refuses NaN.

    Args:
        method: the method whose code runs inside.
        sums: losses so far, by name.
        step: the last completed step.
    """
    try:
        yield
    except (UserError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        broken = _broken(method, sums)
        if broken is None:
            raise
        raise Diverged(f"{broken} is not finite after step {step} ({type(error).__name__}: {reason(error)})") from error


def _broken(method: nn.Module, sums: dict[str, Tensor]) -> str | None:
    """Name the loss or parameter that is not finite; None if all are finite, or if the device has failed."""
    try:
        for name, value in (*sums.items(), *method.named_parameters()):
            if not value.isfinite().all():
                return name
    except RuntimeError:
        return None
    return None
