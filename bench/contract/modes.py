"""Watchers of what a method asks of torch: whether it waits for the device, and what it draws."""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
# Tagged as if their shapes always depended on data, which they do with a mask alone.
MASKABLE = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._unsafe_index.Tensor}
WAITING = {
    aten._linalg_check_errors.default: "an error check of torch.linalg; use its _ex form",
    aten._linalg_svd.default: "a singular value decomposition",
    aten._linalg_eigh.default: "an eigenvalue decomposition",
}
TAGS = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
CALLS = {
    getattr(Tensor, name): name
    for name in ("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__", "__array__")
}


class Waits(Exception):
    """The host would wait for the device. Of the operation's name."""


class NoWaiting(TorchDispatchMode):
    """Raises `Waits` at operations whose result's value or shape the host must know."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in MASKABLE:
            if _masked(func, args):
                raise Waits("indexing with a mask; use torch.where or masked_fill")
        elif func in WAITING:
            raise Waits(WAITING[func])
        elif TAGS & set(func.tags):
            raise Waits(f"{func} needs a value on the host")
        return func(*args, **(kwargs or {}))


def _masked(func: Any, args: Any) -> bool:
    """Whether a mask chooses the elements; filling them with one number is not that, for torch then fills in place."""
    masks = any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1])
    fills = func not in (aten.index.Tensor, aten._unsafe_index.Tensor) and args[2].numel() == 1
    return masks and not fills


class NoReading(TorchFunctionMode):
    """Raises `Waits` at calls that bring tensors to the host, some of which no dispatch shows."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in CALLS:
            raise Waits(f"Tensor.{CALLS[func]}() reads a value")
        # In words only: here a device that comes from a tensor is the CPU, and right.
        if func is Tensor.to and any(isinstance(a, str) and a == "cpu" for a in [*args, *(kwargs or {}).values()]):
            raise Waits('Tensor.to("cpu") reads a value')
        return func(*args, **(kwargs or {}))


class Rotated(TorchFunctionMode):
    """Turns every normal draw with an axis as long as `rotation` [d, d] along that axis.

    Raises:
        ValueError: a draw has several such axes.
    """

    DRAWS = {torch.randn, torch.randn_like, torch.normal, Tensor.normal_}

    def __init__(self, rotation: Tensor) -> None:
        super().__init__()
        self.rotation = rotation

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if func not in self.DRAWS:
            return found
        axes = [axis for axis, size in enumerate(found.shape) if size == len(self.rotation)]
        if len(axes) > 1:
            raise ValueError(f"a draw of shape {list(found.shape)} has several axes along which to rotate it")
        if not axes:
            return found
        turned = (found.movedim(axes[0], -1) @ self.rotation.T).movedim(-1, axes[0])
        return found.copy_(turned) if func is Tensor.normal_ else turned
