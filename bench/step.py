"""One optimisation step: uint8 batch in, detached losses out, no synchronisation with the host."""

import math
from typing import Any

import torch
from torch import Tensor

from bench.config import Training
from bench.images import to_unit
from methods import Method


def exact_arithmetic() -> None:
    """Make GPUs compute float32 as float32, repeatably; torch lets convolutions round to TF32 otherwise."""
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # pyright: ignore[reportAttributeAccessIssue]
    torch.backends.cudnn.deterministic = True


class Stepper:
    """Owns the optimiser (Adam, fused) and the learning-rate schedule of one training."""

    def __init__(self, method: Method, training: Training, total_steps: int) -> None:
        self.method, self.training, self.total_steps = method, training, total_steps
        groups = method.param_groups()
        self.scales = [group.pop("lr_scale", 1.0) for group in groups]
        self.optimizer = torch.optim.Adam(groups, lr=training.learning_rate, fused=True)

    def load_state_dict(self, stored: dict[str, Any]) -> None:
        """Take over the optimiser's state; ValueError where its moments have not the shapes of the parameters."""
        self.optimizer.load_state_dict(stored)
        for parameter, moments in self.optimizer.state.items():
            for name in ("exp_avg", "exp_avg_sq"):
                if moments[name].shape != parameter.shape:
                    raise ValueError(f"{name} is {list(moments[name].shape)}, not {list(parameter.shape)}")

    def learning_rate(self, step: int) -> float:
        """For step 0, 1, ... total_steps - 1."""
        if self.training.schedule == "constant":
            return self.training.learning_rate
        return self.training.learning_rate * 0.5 * (1 + math.cos(math.pi * step / self.total_steps))

    def __call__(self, step: int, batch: Tensor) -> dict[str, Tensor]:
        """Train on uint8 images [n, c, h, w]; returns the method's losses, on the device."""
        for group, scale in zip(self.optimizer.param_groups, self.scales, strict=True):
            group["lr"] = self.learning_rate(step) * scale
        x = to_unit(batch).contiguous(memory_format=torch.channels_last)
        losses = self.method.losses(x)
        for name in ("loss", "reconstruction"):
            if name not in losses or losses[name].ndim:
                raise ValueError(f"{type(self.method).__name__}.losses must give a scalar {name!r}")
        self.optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        self.optimizer.step()
        self.method.after_step()
        return {name: value.detach() for name, value in losses.items()}
