"""What checks of plug-ins share: refusing tensors that are not what a contract says."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bench.errors import UserError


class Untested(UserError):
    """It cannot be tried out here. The message is the reason."""


def refuse_unlike(value: object, shape: tuple[int, ...], what: str) -> Tensor:
    """Return the value if it is a finite floating-point tensor of this shape.

    Raises:
        UserError: it is not. `what` says what the value is, for the message.
    """
    if not isinstance(value, Tensor):
        raise UserError(f"{what} must be a tensor, not {type(value).__name__}")
    if tuple(value.shape) != shape:
        raise UserError(f"{what} must have the shape {list(shape)}, not {list(value.shape)}")
    if not value.is_floating_point():
        raise UserError(f"{what} must be floating-point numbers, not {value.dtype}")
    if not value.isfinite().all():
        raise UserError(f"{what} must be finite; {int((~value.isfinite()).sum())} of {value.numel()} numbers are not")
    return value


def refuse_unrepeatable(first: Tensor, second: Tensor, what: str) -> None:
    """Raise UserError if what was drawn twice with the same seed differs."""
    if not torch.equal(first, second):
        raise UserError(f"{what} differ although the seed is the same; draw from torch's global generator only")


def refuse_other_parameters(function: Callable[..., Any], names: tuple[str, ...], written: str) -> None:
    """Raise TypeError if a function or class cannot be called with these positional arguments."""
    try:
        inspect.signature(function).bind(*names)
    except TypeError:
        given = inspect.signature(function)
        raise TypeError(f"takes {given}; write {written}") from None


def first_line(documented: object, default: str) -> str:
    """Return the first line of a docstring."""
    return (inspect.getdoc(documented) or default).partition("\n")[0]
