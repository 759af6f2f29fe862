"""Evaluations of a training: measured in its own process, or beside it, from a snapshot, in another one.

Both measure with the same function, and draw from the seed of the evaluation alone. So given the same type of processor
and as many threads, their columns are equal to the bit.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from bench.evaluation.evaluator import Evaluator
from bench.evaluation.image_grids import grid_png
from bench.experiment.specification import TrialSpec
from bench.metrics.columns import Columns
from bench.runtime.rng import forked
from bench.training.build import build
from bench.training.events import Position
from methods import Method

PATIENCE = 2.0  # an evaluation beside a training that needs it is waited for this multiple of its usual seconds,
PATIENCE_SECONDS = 1.0  # plus these

State = Mapping[str, Tensor]  # the state dict of a method


@dataclass(frozen=True)
class Measured:
    """What one evaluation found.

    Attributes:
        columns: those of the row.
        pictures: PNG grids, by name.
        seconds: what the evaluation took.
    """

    columns: Columns
    pictures: dict[str, bytes]
    seconds: float


class Pending(Protocol):
    """An evaluation that runs beside the training."""

    def done(self) -> bool:
        """Whether `result` returns at once."""
        ...

    def result(self, timeout: float) -> Measured:
        """Return the result; wait at most `timeout` seconds.

        Raises:
            Exception: of any type: the evaluation failed, took too long, or lost its process.
        """
        ...

    def cancel(self) -> object:
        """Stop it, if it still runs."""
        ...


class Beside(Protocol):
    """Starts evaluations in other processes, where processors are idle."""

    def can_start(self, seconds: float) -> bool:
        """Whether an evaluation can start now.

        Args:
            seconds: what the evaluations that are left would take in the training's own process.
        """
        ...

    def start(self, state: State) -> Pending:
        """Start to evaluate the method with this state, which must not change any more.

        Raises:
            Exception: of any type: it cannot be started.
        """
        ...


@dataclass(frozen=True)
class Opened:
    """An evaluation that has begun, and whose row is not stored yet.

    Attributes:
        position: the progress of the training when it began.
        at: likewise, along the budget.
        train_seconds: likewise, on the clock.
        cpu_share: `Clock.cpu_share` at that moment.
        losses: their means since the last row.
        began: on the monotonic clock of the process.
        pending: where it runs; None if the training waits for it.
        snapshot: the content of its checkpoint; None if the training waits for it.
    """

    position: Position
    at: float
    train_seconds: float
    cpu_share: float
    losses: dict[str, float]
    began: float
    pending: Pending | None = None
    snapshot: dict[str, Any] | None = None

    def done(self) -> bool:
        """Whether it runs beside the training, and has ended."""
        return self.pending is not None and self.pending.done()

    def cancel(self) -> None:
        """Stop it, if it runs beside the training."""
        if self.pending is not None:
            self.pending.cancel()

    def result(self, usual_seconds: float) -> Measured | None:
        """Wait for it, if it runs beside the training, but not much longer than `usual_seconds`; None if it is lost."""
        if self.pending is None:
            return None
        try:
            return self.pending.result(PATIENCE * usual_seconds + PATIENCE_SECONDS)
        except Exception:  # of the method, which will fail here too, or of whatever runs other processes
            return None
        finally:
            self.pending.cancel()


def measure(evaluator: Evaluator, method: Method) -> Measured:
    """Evaluate a method as it is."""
    started = time.perf_counter()
    columns, grids = evaluator(method)
    seconds = time.perf_counter() - started
    return Measured(columns, {name: grid_png(images) for name, images in grids.items()}, seconds)


def restored(spec: TrialSpec, state: State) -> Method:
    """Return a trial's method with a state on the CPU; the random generators stay as they are."""
    with forked(spec.seed):
        method = build(spec)
    method.load_state_dict(state)
    return method
