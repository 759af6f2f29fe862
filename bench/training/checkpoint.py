"""What a checkpoint holds."""

import io
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from bench.errors import UserError
from bench.runtime import rng
from bench.training.step import Stepper


class OtherVersion(UserError):
    """A checkpoint that another version of the project made, which this one cannot go on from."""


@dataclass
class State:
    """Everything that changes while a trial trains."""

    step: int = 0
    train_seconds: float = 0.0
    sums: dict[str, Tensor] = field(default_factory=dict)  # losses since the last row, on the device
    summed_steps: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)


def _save(stepper: Stepper) -> bytes:
    """As `bench.training.trainer.Trainer.checkpoint`."""
    buffer = io.BytesIO()
    stored = {
        "method": stepper.method.state_dict(),
        "optimizer": stepper.optimizer.state_dict(),
        "rng": rng.get_state(),
    }
    torch.save(stored, buffer)
    return buffer.getvalue()


def _restore(stepper: Stepper, saved: bytes) -> None:
    """As `bench.training.trainer.Trainer.restore`."""
    stored: dict[str, Any] = torch.load(io.BytesIO(saved), weights_only=True)
    stepper.method.load_state_dict(stored["method"])
    stepper.load_state_dict(stored["optimizer"])
    rng.set_state(stored["rng"])
