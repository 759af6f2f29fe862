"""Checkpoints: everything that changes during a training, as bytes.

The trainer and the contract's checks share this module, so methods are checked with the code that stores them.
"""

import copy
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
    """A checkpoint of another version of the project, from which this version cannot resume."""


@dataclass
class TrainingState:
    """Everything that changes during a training, except the method, the optimiser and the random generators.

    Attributes:
        step: completed steps.
        train_seconds: seconds spent in optimisation steps.
        sums: losses by name, summed since the last row, on the device.
        summed_steps: number of summed steps.
        rows: all rows so far; history.parquet is written from them.
    """

    step: int = 0
    train_seconds: float = 0.0
    sums: dict[str, Tensor] = field(default_factory=dict)
    summed_steps: int = 0
    rows: list[Row] = field(default_factory=list)

    @classmethod
    def parse(cls, stored: Mapping[str, Any]) -> "TrainingState":
        """Read the state in a checkpoint.

        Raises:
            ValueError: a field is missing.
            TypeError: a field is unknown.
        """
        state = cls(**stored)
        missing = sorted({item.name for item in fields(cls)} - stored.keys())
        if missing:
            raise ValueError(f"its state lacks {', '.join(missing)}")
        return state


def content(stepper: Stepper, state: TrainingState) -> dict[str, Any]:
    """Return everything that a checkpoint holds, as it is now. The tensors are those of the training, which change."""
    return {
        "method": stepper.method.state_dict(),
        "optimizer": stepper.optimizer.state_dict(),
        "rng": rng.get_state(),
        "state": vars(state),
    }


def snapshot(stepper: Stepper, state: TrainingState) -> dict[str, Any]:
    """Return a copy of the content, which the training does not change any more; only the list of rows is shared."""
    stored = content(stepper, state)
    return {name: dict(part) if name == "state" else copy.deepcopy(part) for name, part in stored.items()}


def serialise(content: Mapping[str, Any]) -> bytes:
    """Return the content of a checkpoint as bytes."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def save(stepper: Stepper, state: TrainingState) -> bytes:
    """Serialise a training: its method, optimiser, random generators and state."""
    return serialise(content(stepper, state))


def restore(stepper: Stepper, checkpoint: bytes, device: torch.device) -> TrainingState:
    """Restore the stepper's method and optimiser, and all random generators, from the bytes of `save`.

    Returns:
        The state of the training, for the caller to adopt.

    Raises:
        Exception: of any type that torch raises for missing keys or other shapes.
    """
    stored = tensors.load(checkpoint, device)
    state = TrainingState.parse(stored["state"])
    stepper.method.load_state_dict(stored["method"])
    stepper.load_state_dict(stored["optimizer"])
    random = stored["rng"]
    rng.set_state(
        random | {"torch": random["torch"].cpu(), "cuda": [device_state.cpu() for device_state in random["cuda"]]}
    )
    return state
