"""What a trial reports while it trains: the typed messages that executors, loggers and the display share."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.store.states import State


@dataclass(frozen=True)
class Position:
    """How far a training has come.

    Attributes:
        images_per_second: since the first step, optimisation alone.
    """

    step: int
    epoch: float
    images_seen: int
    images_per_second: float


@dataclass(frozen=True)
class Started:
    """An attempt begins at `step` of `steps`; 0 unless it continues from a checkpoint."""

    step: int
    steps: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progressed:
    """Steps were taken. loss: the mean since the last row; None right after one."""

    position: Position
    loss: float | None


@dataclass(frozen=True)
class Evaluating:
    """An evaluation begins, which may take long."""

    position: Position


@dataclass(frozen=True)
class Evaluated:
    """A row was stored. score: its headline distance. loss: the mean since the row before."""

    position: Position
    loss: float
    score: float


@dataclass(frozen=True)
class Ended:
    """The attempt is over."""

    state: State
    reason: str | None


Event = Started | Progressed | Evaluating | Evaluated | Ended
OnEvent = Callable[[str, Event], None]  # called with the trial's id and the event
