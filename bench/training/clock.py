"""The clock of a training, which runs during optimisation steps only."""

import time

import torch


class Clock:
    """Seconds spent inside `with clock:`. Only reading the clock waits for the device."""

    def __init__(self, device: torch.device, seconds: float = 0.0) -> None:
        self.device, self.seconds = device, seconds

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._started

    def read(self) -> float:
        """Seconds so far. On a GPU the wait for unfinished steps is counted."""
        if self.device.type == "cuda":
            with self:
                torch.cuda.synchronize(self.device)
        return self.seconds
