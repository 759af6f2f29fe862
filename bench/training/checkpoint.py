"""Checkpoints: everything that changes while a trial trains, as bytes.

The trainer and the contract's checks share this module, so that a method is checked with the code that stores it.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from bench.errors import UserError
from bench.io import tensors
from bench.runtime import rng
from bench.store.trial_folder import Row
from bench.training.step import Stepper


class OtherVersion(UserError):
    """A checkpoint that another version of the project made, and that this version cannot continue from."""


@dataclass
class TrainingState:
    """What changes while a trial trains, beside the method, the optimiser and the random generators.

    Attributes:
        sums: losses since the last row, on the device. summed_steps: over how many steps.
        rows: all rows so far; history.parquet is written from them.
    """

    step: int = 0
    train_seconds: float = 0.0
    sums: dict[str, Tensor] = field(default_factory=dict)
    summed_steps: int = 0
    rows: list[Row] = field(default_factory=list)

    @classmethod
    def parse(cls, stored: Mapping[str, Any]) -> "TrainingState":
        """The state in a checkpoint.

        Raises:
            ValueError: it lacks a field. TypeError: it has an unknown one.
        """
        state = cls(**stored)
        missing = sorted({each.name for each in fields(cls)} - stored.keys())
        if missing:
            raise ValueError(f"its state lacks {', '.join(missing)}")
        return state


def save(stepper: Stepper, state: TrainingState) -> bytes:
    """Serialise a training: its method, optimiser, random generators and state."""
    buffer = io.BytesIO()
    stored = {
        "method": stepper.method.state_dict(),
        "optimizer": stepper.optimizer.state_dict(),
        "rng": rng.get_state(),
        "state": vars(state),
    }
    torch.save(stored, buffer)
    return buffer.getvalue()


def restore(stepper: Stepper, checkpoint: bytes, device: torch.device) -> TrainingState:
    """Continue from the bytes of `save`: sets the stepper's method and optimiser and all random generators.

    Returns:
        The state, which nothing has taken over if this raises.

    Raises:
        Exception: whatever torch raises for missing keys and other shapes.
    """
    stored = tensors.weights(checkpoint, device)
    state = TrainingState.parse(stored["state"])
    stepper.method.load_state_dict(stored["method"])
    stepper.load_state_dict(stored["optimizer"])
    random = stored["rng"]
    rng.set_state(random | {"torch": random["torch"].cpu(), "cuda": [each.cpu() for each in random["cuda"]]})
    return state
