"""When a training has diverged: a loss is not finite, one has exploded, or the method fails over numbers like these."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import UserError, reason

EXPLODED = 1e6  # times a loss of the first row (or 1, where that is less): beyond, nothing is learnt any more


class Diverged(Exception):
    """The training has come to nothing. The message is one line, with the step."""


def refuse_not_finite(means: dict[str, float], step: int) -> None:
    """Diverged where one of these, by name, is NaN or infinite."""
    for name, value in means.items():
        if not math.isfinite(value):
            raise Diverged(f"{name} is {value} at step {step}")


def refuse_explosion(means: dict[str, float], rows: list[dict[str, Any]], step: int) -> None:
    """Diverged where a loss, averaged since the last row, is beyond `EXPLODED` times that of the first of `rows`.

    Only to be asked at fixed steps, so that a training that was resumed ends at the same one.
    """
    for name, value in means.items() if rows else ():
        first = abs(rows[0].get(f"train_{name}", 1.0))
        if abs(value) > EXPLODED * max(1.0, first):
            raise Diverged(f"{name} has exploded to {value:.3g} (from {first:.3g}) at step {step}")


@contextmanager
def blaming_numbers(method: nn.Module, sums: dict[str, Tensor], step: int) -> Iterator[None]:
    """A method that fails when its numbers are not finite any more has diverged.

    A matrix cannot be factorised, a distribution refuses NaN: whatever the exception, the cause is the same.

    Args:
        sums: losses so far, by name. step: the last one that was completed.
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
    """The loss or parameter that is not finite; None where all are, or the device can no longer say."""
    try:
        for name, value in (*sums.items(), *method.named_parameters()):
            if not value.isfinite().all():
                return name
    except RuntimeError:
        return None
    return None
