"""Record the steps of a training on a GPU as a CUDA graph, because a step spends most time launching small kernels."""

import functools
import warnings
from collections.abc import Callable
from typing import Any

import torch

from bench.errors import RunError, reason
from bench.runtime import memory
from bench.training.step import Losses

_failed: list[Any] = []  # graphs whose recording failed; kept alive, because torch's allocator may still use them


class CudaGraph:
    """Implements `bench.training.step.Graph`, following "Whole-network capture" in torch's notes on CUDA semantics."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = _side_stream(device)
        self.graph: Any = torch.cuda.CUDAGraph()

    def warm_up(self, run: Callable[[], Losses]) -> Losses:
        """Call `run` on the side stream, without recording it."""
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream), warnings.catch_warnings():
            # Adam warns that its step is not captured yet.
            warnings.filterwarnings("ignore", message=".*capturable=True")
            losses = run()
        current.wait_stream(self.stream)
        return losses

    def record(self, run: Callable[[], Losses]) -> Losses:
        """Record `run`, and replay it once.

        Returns:
            Tensors that every replay overwrites.

        Raises:
            RunError: the step cannot be recorded.
            RuntimeError: the GPU has too little memory.
        """
        failures: list[RuntimeError] = []
        try:
            # If recording fails, torch leaves its own stream as the current one; the outer block restores it.
            # thread_local: other threads of a worker, such as Ray's, may use CUDA meanwhile.
            with (
                torch.cuda.stream(torch.cuda.current_stream(self.device)),
                torch.cuda.graph(self.graph, stream=self.stream, capture_error_mode="thread_local"),
            ):
                try:
                    losses = run()  # recorded, not executed
                except RuntimeError as error:
                    failures.append(error)
                    raise
        except RuntimeError as error:
            failures.append(error)  # after a failed step, ending the recording fails too, with a less specific error
            _failed.append(self.graph)
            if memory.exhausted(failures[0]):
                raise failures[0] from None
            problem = f"its steps cannot be recorded as a CUDA graph ({reason(failures[0])})"
            raise RunError(f"{problem}; --eager --retry-failed trains without CUDA graphs") from failures[0]
        self.graph.replay()
        return losses

    def replay(self) -> None:
        """Run the recorded step again."""
        self.graph.replay()


@functools.cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    """Return the one side stream of this process, because cuBLAS keeps memory for every stream it has used."""
    return torch.cuda.Stream(device)
