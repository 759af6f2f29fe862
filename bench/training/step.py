"""One optimisation step: uint8 batch in, detached losses out, no synchronisation with the host."""

import math
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from bench.data.images import to_unit
from bench.experiment.settings import Training
from methods import Method

Losses = dict[str, Tensor]
WARM_UP = 3  # steps that are done one operation at a time before one is recorded, as torch asks for


def optimised(groups: list[dict[str, Any]]) -> list[Tensor]:
    """The parameters of a method's optimiser groups.

    Raises:
        ValueError: one stands there twice, or is none; torch lets some of that pass.
    """
    parameters = [parameter for group in groups for parameter in group["params"]]
    if len({id(parameter) for parameter in parameters}) < len(parameters):
        raise ValueError("param_groups has a parameter twice")
    if not all(parameter.is_leaf for parameter in parameters):
        raise ValueError("param_groups has a tensor that is no parameter")
    return parameters


def gradients(method: Method, batch: Tensor) -> Losses:
    """The losses of uint8 images [n, c, h, w]; parameters, which must have none, get the gradients of "loss"."""
    x = to_unit(batch).contiguous(memory_format=torch.channels_last)
    losses = method.losses(x)
    for name in ("loss", "reconstruction"):
        if name not in losses or losses[name].ndim:
            raise ValueError(f"{type(method).__name__}.losses must give a scalar {name!r}")
    losses["loss"].backward()
    return {name: value.detach() for name, value in losses.items()}


class Graph(Protocol):
    """Replays a step: the same operations on the same memory, with the numbers that lie there now."""

    def aside(self, run: Callable[[], Losses]) -> Losses:
        """Do `run` without recording it, as it must be done some times before."""
        ...

    def record(self, run: Callable[[], Losses]) -> Losses:
        """Do `run` once and record it. What it returned is overwritten by every replay."""
        ...

    def replay(self) -> None: ...


class Stepper:
    """Owns the optimiser (Adam, fused) and the learning-rate schedule of one training.

    graph: replays every step but the first ones of this process. Losses are then the same tensors every time, which
    the next step overwrites; batches must all be of one size.
    """

    def __init__(self, method: Method, training: Training, total_steps: int, graph: Graph | None = None) -> None:
        self.method, self.training, self.total_steps, self.graph = method, training, total_steps, graph
        groups = [{**group, "params": [*group["params"]]} for group in method.param_groups()]
        optimised(groups)
        self.scales = [group.pop("lr_scale", 1.0) for group in groups]
        self.optimizer = torch.optim.Adam(groups, lr=training.learning_rate, fused=True)
        self._own_the_rates()
        self._done, self._batch, self._losses = 0, torch.empty(0), {}

    def load_state_dict(self, stored: dict[str, Any]) -> None:
        """Take over the optimiser's state, before the first step.

        Raises:
            ValueError: its moments have not the shapes of the parameters.
        """
        self.optimizer.load_state_dict(stored)
        self._own_the_rates()
        for parameter, moments in self.optimizer.state.items():
            for name in ("exp_avg", "exp_avg_sq"):
                if moments[name].shape != parameter.shape:
                    raise ValueError(f"{name} is {list(moments[name].shape)}, not {list(parameter.shape)}")

    def learning_rate(self, step: int) -> float:
        """For step 0, 1, ... total_steps - 1."""
        if self.training.schedule == "constant":
            return self.training.learning_rate
        return self.training.learning_rate * 0.5 * (1 + math.cos(math.pi * step / self.total_steps))

    def __call__(self, step: int, batch: Tensor) -> Losses:
        """Train on uint8 images [n, c, h, w]; returns the method's losses, on the device."""
        self._set_rates(self.learning_rate(step))
        if self.graph is None:
            return self._step(batch)
        self._done += 1
        if self._done <= WARM_UP:
            return self.graph.aside(lambda: self._step(batch))
        if self._done == WARM_UP + 1:
            self._batch = batch.clone()
            self._losses = self.graph.record(lambda: self._step(self._batch))
        else:
            self._batch.copy_(batch)
            self.graph.replay()
        return self._losses

    def _step(self, batch: Tensor) -> Losses:
        self.optimizer.zero_grad(set_to_none=True)
        losses = gradients(self.method, batch)
        self.optimizer.step()
        self.method.after_step()
        return losses

    def _own_the_rates(self) -> None:
        """Where steps could be replayed, numbers that change from step to step lie in tensors, replayed or not."""
        device, replayed = self.method.device, self.graph is not None
        for group in self.optimizer.param_groups:
            group["capturable"] = replayed
            group["lr"] = torch.zeros((), device=device) if replayed or device.type == "cuda" else 0.0

    def _set_rates(self, rate: float) -> None:
        for group, scale in zip(self.optimizer.param_groups, self.scales, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate * scale)
            else:
                group["lr"] = rate * scale
