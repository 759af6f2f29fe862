"""Torch modes that intercept a method's operations: to find waits for the device, and to rotate random draws."""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
# torch tags these as if their shapes always depended on data, but that is true of masks only.
MASKABLE = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._unsafe_index.Tensor}
WAITING = {
    aten._linalg_check_errors.default: "an error check of torch.linalg; use its _ex form",
    aten._linalg_svd.default: "a singular value decomposition",
    aten._linalg_eigh.default: "an eigenvalue decomposition",
    aten.equal.default: "a comparison of whole tensors, as by torch.equal and torch.cov; for a covariance of codes z, "
    "write c = z - z.mean(0); c.T @ c / (len(z) - 1)",
}
REMEDY = "keep values in tensors: torch.where instead of if, no .item(), no print"
TAGS = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
CALLS = {
    getattr(Tensor, name): name
    for name in ("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__", "__array__")
}


class DeviceWait(Exception):
    """The host would wait for the device. The message names the operation."""


class NoWaiting(TorchDispatchMode):
    """Raises `DeviceWait` at operations whose value or shape the host must know."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in MASKABLE:
            if _masked(func, args):
                raise DeviceWait("indexing with a mask; use torch.where or masked_fill")
        elif func in WAITING:
            raise DeviceWait(WAITING[func])
        elif TAGS & set(func.tags):
            raise DeviceWait(f"{func} needs a value on the host; {REMEDY}")
        return func(*args, **(kwargs or {}))


def _masked(func: Any, args: Any) -> bool:
    """Whether a mask selects the elements. Filling them with one number does not count: torch then fills in place."""
    masks = any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1])
    fills = func not in (aten.index.Tensor, aten._unsafe_index.Tensor) and args[2].numel() == 1
    return masks and not fills


class NoReading(TorchFunctionMode):
    """Raises `DeviceWait` at calls that copy tensors to the host, some of which never reach the dispatcher."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in CALLS:
            raise DeviceWait(f"Tensor.{CALLS[func]}() reads a value; {REMEDY}")
        # Only the literal "cpu": checks run on the CPU, so a device taken from a tensor is the CPU and is correct.
        if func is Tensor.to and any(isinstance(a, str) and a == "cpu" for a in [*args, *(kwargs or {}).values()]):
            raise DeviceWait(f'Tensor.to("cpu") reads a value; {REMEDY}')
        return func(*args, **(kwargs or {}))


class Rotated(TorchFunctionMode):
    """Rotates every normal draw that has an axis of length d by `rotation` [d, d] along that axis.

    Raises:
        ValueError: a draw has several axes of length d.
    """

    DRAWS = {torch.randn, torch.randn_like, torch.normal, Tensor.normal_}

    def __init__(self, rotation: Tensor) -> None:
        super().__init__()
        self.rotation = rotation

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func not in self.DRAWS:
            return result
        axes = [axis for axis, size in enumerate(result.shape) if size == len(self.rotation)]
        if len(axes) > 1:
            raise ValueError(f"a draw of shape {list(result.shape)} has several axes that could be rotated")
        if not axes:
            return result
        rotated = (result.movedim(axes[0], -1) @ self.rotation.T).movedim(-1, axes[0])
        return result.copy_(rotated) if func is Tensor.normal_ else rotated
