"""Optimisation steps: they take a uint8 batch, and return detached losses without synchronising with the host."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from bench.data.images import to_unit
from bench.experiment.settings import Training
from bench.training.optimisers import make_optimiser
from methods import Method

Losses = dict[str, Tensor]
ParameterGroup = dict[str, Any]  # a parameter group of torch.optim
MOMENTS = ("exp_avg", "exp_avg_sq", "momentum_buffer")  # state of optimisers that has the shape of a parameter
WARM_UP = 3  # steps that run eagerly before one is recorded, as torch requires


class Optimizer(Protocol):
    """The methods of an optimiser that a step needs."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Reset all gradients."""
        ...

    def step(self) -> object:
        """Update all parameters."""
        ...


class Graph(Protocol):
    """Records a step and replays it: the same operations on the same memory, with its current content."""

    def warm_up(self, run: Callable[[], Losses]) -> Losses:
        """Call `run` without recording it. This is necessary a few times before a recording."""
        ...

    def record(self, run: Callable[[], Losses]) -> Losses:
        """Record one call of `run`. Every replay overwrites the returned tensors."""
        ...

    def replay(self) -> None:
        """Run the recorded operations again."""
        ...


def trained_parameters(groups: list[ParameterGroup]) -> list[Tensor]:
    """Return the parameters of a method's optimiser groups.

    Raises:
        ValueError: a parameter occurs twice, or a tensor is not a leaf. torch accepts some of these cases.
    """
    parameters = [parameter for group in groups for parameter in group["params"]]
    if len({id(parameter) for parameter in parameters}) < len(parameters):
        raise ValueError("param_groups has a parameter twice")
    if not all(parameter.is_leaf for parameter in parameters):
        raise ValueError("param_groups has a tensor that is not a parameter")
    return parameters


def take_step(method: Method, optimizer: Optimizer, batch: Tensor) -> Losses:
    """Train on uint8 images of shape [n, c, h, w], and return the detached losses, on the device."""
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
    """Owns the optimiser and the learning-rate schedule of one training.

    Args:
        method: the method to train.
        training: the learning rate and its schedule.
        length: of the whole training, in the unit of positions (`bench.training.budget`): steps or seconds.
        graph: replays every step except the first ones in this process. All batches must then have the same size, and
            the losses are always the same tensors, which the next step overwrites.
    """

    def __init__(self, method: Method, training: Training, length: float, graph: Graph | None = None) -> None:
        self.method, self.training, self.length, self.graph = method, training, length, graph
        groups = [{**group, "params": [*group["params"]]} for group in method.param_groups()]
        trained_parameters(groups)
        self.scales = [group.pop("lr_scale", 1.0) for group in groups]
        assert training.learning_rate is not None  # `TrialSpec.optimisation` has resolved it
        self.first_rate = training.learning_rate
        self.optimizer = make_optimiser(training, groups, self.first_rate)
        self._replace_rates()
        self._calls, self._batch, self._losses = 0, torch.empty(0), {}

    def load_state_dict(self, stored: Mapping[str, Any]) -> None:
        """Restore the optimiser's state. Call it before the first step.

        Raises:
            ValueError: a moment does not have the shape of its parameter.
        """
        self.optimizer.load_state_dict(dict(stored))
        self._replace_rates()
        for parameter, moments in self.optimizer.state.items():
            for name in MOMENTS:
                if isinstance(moments.get(name), Tensor) and moments[name].shape != parameter.shape:
                    raise ValueError(f"{name} is {list(moments[name].shape)}, not {list(parameter.shape)}")

    def learning_rate(self, position: float) -> float:
        """Return the learning rate of the step that begins at a position, from 0 to `length`."""
        if self.training.schedule == "constant":
            return self.first_rate
        return self.first_rate * 0.5 * (1 + math.cos(math.pi * min(position, self.length) / self.length))

    def __call__(self, position: float, batch: Tensor) -> Losses:
        """Train on uint8 images of shape [n, c, h, w], and return the method's losses, on the device."""
        self._set_rates(self.learning_rate(position))
        if self.graph is None:
            return take_step(self.method, self.optimizer, batch)
        self._calls += 1
        if self._calls <= WARM_UP:
            return self.graph.warm_up(lambda: take_step(self.method, self.optimizer, batch))
        if self._calls == WARM_UP + 1:
            self._batch = batch.clone()
            self._losses = self.graph.record(lambda: take_step(self.method, self.optimizer, self._batch))
        else:
            self._batch.copy_(batch)
            self.graph.replay()
        return self._losses

    def _replace_rates(self) -> None:
        """Store learning rates in tensors on GPUs and for replays, because a replay would use stale Python values."""
        device, replayed = self.method.device, self.graph is not None
        for group in self.optimizer.param_groups:
            on_device = "capturable" in group and (replayed or device.type == "cuda")
            group["lr"] = torch.zeros((), device=device) if on_device else 0.0
            if "capturable" in group:
                group["capturable"] = replayed

    def _set_rates(self, rate: float) -> None:
        for group, scale in zip(self.optimizer.param_groups, self.scales, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate * scale)
            else:
                group["lr"] = rate * scale
