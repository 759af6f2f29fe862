"""All random generators of a training: seeding them, saving and restoring their states, isolating evaluations."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypedDict

import numpy as np
import torch
from torch import Tensor


class RandomStates(TypedDict):
    """The states of all generators, as tensors and plain Python values."""

    torch: Tensor
    cuda: list[Tensor]
    python: tuple[Any, ...]
    numpy: tuple[str, list[int], int, int, float]


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)  # CUDA devices included


def get_state() -> RandomStates:
    """Return all states, in a form that `torch.load(weights_only=True)` accepts."""
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "torch": torch.get_rng_state(),
        # Reading the state would create a CUDA context.
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "python": random.getstate(),
        "numpy": (str(kind), np.asarray(keys).tolist(), int(position), int(has_gauss), float(cached)),
    }


def set_state(state: RandomStates) -> None:
    """Restore what `get_state` returned. CUDA states are skipped if the number of devices differs."""
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.device_count() == len(state["cuda"]):
        torch.cuda.set_rng_state_all(state["cuda"])
    random.setstate(state["python"])
    kind, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), position, has_gauss, cached))


@contextmanager
def forked(seed: int) -> Iterator[None]:
    """Seed everything inside the context, and restore the states afterwards. So evaluations never change a training."""
    state = get_state()
    seed_everything(seed)
    try:
        yield
    finally:
        set_state(state)
