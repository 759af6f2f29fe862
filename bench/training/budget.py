"""How long a training lasts, and where along it evaluations stand: in steps, or in seconds of its clock."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from bench.experiment.settings import Training


@dataclass(frozen=True)
class Budget:
    """The length of a training. Positions along it are completed steps or, with `seconds`, seconds of training.

    Attributes:
        steps: None with `seconds`.
        seconds: None with `steps`.
        evaluations: the number of evaluations.
    """

    steps: int | None
    seconds: float | None
    evaluations: int

    @classmethod
    def of(cls, training: Training, images: int, evaluations: int) -> "Budget":
        """Return the budget of a training on `images` images. An epoch's last partial batch is dropped."""
        if training.seconds is not None:
            return cls(None, training.seconds, evaluations)
        if training.images is not None:
            steps = math.ceil(training.images / training.batch_size)
        else:
            steps = training.steps or (images // training.batch_size) * (training.epochs or 0)
        return cls(steps, None, evaluations)

    @property
    def length(self) -> float:
        """The position of the end."""
        return self.steps if self.seconds is None else self.seconds  # pyright: ignore[reportReturnType]

    @cached_property
    def marks(self) -> list[float]:
        """The positions to evaluate at, denser early: length * (k / n)^2, in whole steps. The last is `length`."""
        n = self.evaluations
        marks = [*(self.length * k * k / n**2 for k in range(1, n)), self.length]
        return sorted(set(marks if self.steps is None else map(math.ceil, marks)))

    def is_due(self, evaluated: float, position: float) -> bool:
        """Whether an evaluation is due at a position, the last one having been at `evaluated` (0 before the first)."""
        return bisect_right(self.marks, position) > bisect_right(self.marks, evaluated)

    def left(self, position: float) -> int:
        """Return the number of evaluations after a position."""
        return len(self.marks) - bisect_right(self.marks, position)
