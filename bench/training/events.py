"""The events that a trial reports while it trains. Executors, loggers and the display share them."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.store.states import State


@dataclass(frozen=True)
class Position:
    """The progress of a training.

    Attributes:
        images_per_second: mean since the first step, without evaluations.
    """

    step: int
    epoch: float
    images_seen: int
    images_per_second: float


@dataclass(frozen=True)
class Started:
    """An attempt starts.

    Attributes:
        step: 0, or the step of the checkpoint that it resumes from.
        steps: number of steps of the whole training; None if its budget is in seconds.
    """

    step: int
    steps: int | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progressed:
    """Steps were completed.

    Attributes:
        loss: mean since the last row; None immediately after a row.
    """

    position: Position
    loss: float | None


@dataclass(frozen=True)
class Evaluating:
    """An evaluation starts, which may take long."""

    position: Position


@dataclass(frozen=True)
class Evaluated:
    """A row was stored.

    Attributes:
        loss: mean since the previous row.
        score: the headline distance of the row.
        fraction: of the training that is completed, from 0 to 1.
    """

    position: Position
    loss: float
    score: float
    fraction: float


@dataclass(frozen=True)
class Ended:
    """The attempt has ended."""

    state: State
    reason: str | None
    warnings: tuple[str, ...] = ()


Event = Started | Progressed | Evaluating | Evaluated | Ended
OnEvent = Callable[[str, Event], None]  # called with the trial's id and the event
