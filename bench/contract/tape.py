"""A CUDA graph's twins on the CPU: the operations of a step replayed where they were done, and the step done anew."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from bench.training.step import Losses


class Tape(TorchDispatchMode):
    """Keeps every operation with its arguments and results.

    As in a CUDA graph, numbers that are no tensors stay what they were, memory is that of the recording, and random
    draws go on. Unlike there, what waits for the device does no harm; `NoWaiting` and `NoReading` look for that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # Of tensors the memory and the shape are kept as they are now: some operations change a shape in place.
        given = _views((args, kwargs or {}))
        found = func(*args, **(kwargs or {}))
        self.calls.append((func, *given, _views(found)))
        return found

    def aside(self, run: Callable[[], Losses]) -> Losses:
        return run()

    def record(self, run: Callable[[], Losses]) -> Losses:
        with self:
            return run()

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, before in self.calls:
            args, kwargs = _views((args, kwargs))
            now = func(*args, **kwargs)
            for old, new in zip(tree_leaves(before), tree_leaves(now), strict=True):
                # What a view or a change in place gives lies there already.
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


def _views(tree: Any) -> Any:
    return tree_map(lambda leaf: leaf.detach() if isinstance(leaf, Tensor) else leaf, tree)


class Anew:
    """Takes the step itself, every time: what replaying must come to."""

    def aside(self, run: Callable[[], Losses]) -> Losses:
        return run()

    def record(self, run: Callable[[], Losses]) -> Losses:
        self.run, self.losses = run, run()
        return self.losses

    def replay(self) -> None:
        self.losses.update(self.run())
