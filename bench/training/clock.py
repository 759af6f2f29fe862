"""The clock of a training: it runs in optimisation steps only."""

import time

import torch


class Clock:
    """Seconds spent inside `with clock:`; a device is waited for only when the clock is read."""

    def __init__(self, device: torch.device, seconds: float = 0.0) -> None:
        self.device, self.seconds = device, seconds

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._started

    def read(self) -> float:
        if self.device.type == "cuda":
            with self:
                torch.cuda.synchronize(self.device)
        return self.seconds
