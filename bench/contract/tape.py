"""CPU stand-ins for a CUDA graph: one replays the recorded operations of a step, the other recomputes the step."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from bench.training.step import Losses


class Tape(TorchDispatchMode):
    """Records every operation with its arguments and results, and replays them.

    As in a CUDA graph, Python numbers keep their recorded values, the memory of the recording is reused, and random
    generators advance. Unlike a CUDA graph, it permits waits for the device; `NoWaiting` and `NoReading` find those.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # Views keep the current shape, because some operations change the shape of a tensor in place.
        inputs = _views((args, kwargs or {}))
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, *inputs, _views(result)))
        return result

    def warm_up(self, run: Callable[[], Losses]) -> Losses:
        """Call `run` without recording."""
        return run()

    def record(self, run: Callable[[], Losses]) -> Losses:
        """Call `run` once and record its operations."""
        with self:
            return run()

    @torch.no_grad()
    def replay(self) -> None:
        """Repeat the recorded operations, and write the results into the recorded memory."""
        for func, args, kwargs, recorded in self.calls:
            args, kwargs = _views((args, kwargs))
            result = func(*args, **kwargs)
            for old, new in zip(tree_leaves(recorded), tree_leaves(result), strict=True):
                # Results of views and in-place operations are in the recorded memory already.
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


def _views(tree: Any) -> Any:
    return tree_map(lambda leaf: leaf.detach() if isinstance(leaf, Tensor) else leaf, tree)


class Recomputed:
    """Recomputes the step at every replay: the reference for `Tape`."""

    def warm_up(self, run: Callable[[], Losses]) -> Losses:
        """Call `run` without recording."""
        return run()

    def record(self, run: Callable[[], Losses]) -> Losses:
        """Call `run`, and keep it for replays."""
        self.run, self.losses = run, run()
        return self.losses

    def replay(self) -> None:
        """Call `run` again."""
        self.losses.update(self.run())
