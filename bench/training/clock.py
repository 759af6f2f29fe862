"""The clock of a training. It runs only during optimisation steps."""

import math
import time

import torch


class Clock:
    """Measures the seconds spent inside `with clock:`. Only `read` synchronises with the device."""

    def __init__(self, device: torch.device, seconds: float = 0.0, cpu_share: float = 1.0) -> None:
        """Continue a clock that had counted so many seconds, with this share of a CPU."""
        self.device, self.seconds, self._cpu_seconds = device, seconds, seconds * cpu_share

    def __enter__(self) -> None:
        self._started, self._cpu_started = time.perf_counter(), time.thread_time()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._started
        self._cpu_seconds += time.thread_time() - self._cpu_started

    def read(self) -> float:
        """Return the seconds so far. On a GPU, wait for unfinished steps and include that time."""
        if self.device.type == "cuda":
            with self:
                torch.cuda.synchronize(self.device)
        return self.seconds

    def cpu_share(self) -> float:
        """Return for how much of the seconds the thread that trains had a CPU, in [0, 1].

        On a CPU it waits for nothing but its helper threads and the disk, so much less than 1 means that other
        processes took the CPU. NaN on a GPU, for which threads wait, and before the first step.
        """
        known = self.device.type == "cpu" and self.seconds > 0
        return min(self._cpu_seconds / self.seconds, 1.0) if known else math.nan
