"""One optimisation step: uint8 batch in, detached losses out, no synchronisation with the host."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from bench.data.images import to_unit
from bench.experiment.settings import Training
from methods import Method

Losses = dict[str, Tensor]
ParameterGroup = dict[str, Any]  # as torch.optim takes them
WARM_UP = 3  # steps that run eagerly before one is recorded, as torch requires


class Optimizer(Protocol):
    """The two calls of an optimiser that a step needs."""

    def zero_grad(self, set_to_none: bool = True) -> None: ...
    def step(self) -> object: ...


class Graph(Protocol):
    """Replays a step: the same operations on the same memory, with the numbers that are there now."""

    def aside(self, run: Callable[[], Losses]) -> Losses:
        """Call `run` without recording it, as must happen a few times before a recording."""
        ...

    def record(self, run: Callable[[], Losses]) -> Losses:
        """Call `run` once and record it. Every replay overwrites the tensors that it returned."""
        ...

    def replay(self) -> None:
        """Run the recorded operations again."""
        ...


def trained_parameters(groups: list[ParameterGroup]) -> list[Tensor]:
    """Return the parameters of a method's optimiser groups.

    Raises:
        ValueError: a parameter occurs twice, or a tensor is not a parameter. (torch accepts some of these cases.)
    """
    parameters = [parameter for group in groups for parameter in group["params"]]
    if len({id(parameter) for parameter in parameters}) < len(parameters):
        raise ValueError("param_groups has a parameter twice")
    if not all(parameter.is_leaf for parameter in parameters):
        raise ValueError("param_groups has a tensor that is no parameter")
    return parameters


def take_step(method: Method, optimizer: Optimizer, batch: Tensor) -> Losses:
    """Train on uint8 images [n, c, h, w]; returns the detached losses, on the device."""
    optimizer.zero_grad(set_to_none=True)
    x = to_unit(batch).contiguous(memory_format=torch.channels_last)
    losses = method.losses(x)
    for name in ("loss", "reconstruction"):
        if name not in losses or losses[name].ndim:
            raise ValueError(f"{type(method).__name__}.losses must give a scalar {name!r}")
    losses["loss"].backward()
    optimizer.step()
    method.after_step()
    return {name: value.detach() for name, value in losses.items()}


class Stepper:
    """Owns the optimiser (fused Adam) and the learning-rate schedule of one training.

    Args:
        method: what is trained.
        training: the learning rate and its schedule.
        total_steps: of the whole training.
        graph: replays every step except the first ones of this process. The losses are then always the same tensors,
            which the next step overwrites; all batches must have one size.
    """

    def __init__(self, method: Method, training: Training, total_steps: int, graph: Graph | None = None) -> None:
        self.method, self.training, self.total_steps, self.graph = method, training, total_steps, graph
        groups = [{**group, "params": [*group["params"]]} for group in method.param_groups()]
        trained_parameters(groups)
        self.scales = [group.pop("lr_scale", 1.0) for group in groups]
        self.optimizer = torch.optim.Adam(groups, lr=training.learning_rate, fused=True)
        self._own_the_rates()
        self._calls, self._batch, self._losses = 0, torch.empty(0), {}

    def load_state_dict(self, stored: Mapping[str, Any]) -> None:
        """Restore the optimiser's state, before the first step.

        Raises:
            ValueError: the moments do not have the shapes of the parameters.
        """
        self.optimizer.load_state_dict(dict(stored))
        self._own_the_rates()
        for parameter, moments in self.optimizer.state.items():
            for name in ("exp_avg", "exp_avg_sq"):
                if moments[name].shape != parameter.shape:
                    raise ValueError(f"{name} is {list(moments[name].shape)}, not {list(parameter.shape)}")

    def learning_rate(self, step: int) -> float:
        """Return the rate of step 0, 1, ... total_steps - 1."""
        if self.training.schedule == "constant":
            return self.training.learning_rate
        return self.training.learning_rate * 0.5 * (1 + math.cos(math.pi * step / self.total_steps))

    def __call__(self, step: int, batch: Tensor) -> Losses:
        """Train on uint8 images [n, c, h, w]; returns the method's losses, on the device."""
        self._set_rates(self.learning_rate(step))
        if self.graph is None:
            return take_step(self.method, self.optimizer, batch)
        self._calls += 1
        if self._calls <= WARM_UP:
            return self.graph.aside(lambda: take_step(self.method, self.optimizer, batch))
        if self._calls == WARM_UP + 1:
            self._batch = batch.clone()
            self._losses = self.graph.record(lambda: take_step(self.method, self.optimizer, self._batch))
        else:
            self._batch.copy_(batch)
            self.graph.replay()
        return self._losses

    def _own_the_rates(self) -> None:
        """Put learning rates, which change from step to step, into tensors if steps could be replayed."""
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
