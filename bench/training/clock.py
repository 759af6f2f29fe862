"""The clock of a training. It runs only during optimisation steps."""

import math
import time

import torch


class Clock:
    """Measures the seconds spent inside `with clock:`. Only `read` synchronises with the device."""

    def __init__(self, device: torch.device, seconds: float = 0.0) -> None:
        self.device, self.seconds = device, seconds
        self._before, self._busy = seconds, 0.0

    def __enter__(self) -> None:
        self._started, self._worked = time.perf_counter(), time.thread_time()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._started
        self._busy += time.thread_time() - self._worked

    def read(self) -> float:
        """Return the seconds so far. On a GPU, wait for unfinished steps and include that time."""
        if self.device.type == "cuda":
            with self:
                torch.cuda.synchronize(self.device)
        return self.seconds

    def cpu_share(self) -> float:
        """Return how much of the time since the clock was made its thread had a CPU, in [0, 1].

        A training on a CPU never waits for anything else, so less than 1 means that other processes took the CPU. NaN
        on a GPU, where threads wait for the device, and before the first step.
        """
        seconds = self.seconds - self._before
        return min(self._busy / seconds, 1.0) if self.device.type == "cpu" and seconds > 0 else math.nan
