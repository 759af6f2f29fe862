"""The clock of a training. It runs only during optimisation steps."""

import time

import torch


class Clock:
    """Measures the seconds spent inside `with clock:`. Only `read` synchronises with the device."""

    def __init__(self, device: torch.device, seconds: float = 0.0) -> None:
        self.device, self.seconds = device, seconds

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._started

    def read(self) -> float:
        """Return the seconds so far. On a GPU, wait for unfinished steps and include that time."""
        if self.device.type == "cuda":
            with self:
                torch.cuda.synchronize(self.device)
        return self.seconds
