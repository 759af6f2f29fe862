"""Steps on a GPU as one CUDA graph: launching their hundreds of small kernels one by one is what takes long there."""

import functools
import warnings
from collections.abc import Callable
from typing import Any

import torch

from bench.errors import RunError, reason
from bench.runtime import memory
from bench.training.step import Losses

_failed: list[Any] = []  # torch's allocator may still ask graphs whose recording failed


class CudaGraph:
    """torch.cuda.CUDAGraph, as "Whole-network capture" in torch's notes on CUDA semantics has it."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = _side_stream(device)
        self.graph: Any = torch.cuda.CUDAGraph()

    def aside(self, run: Callable[[], Losses]) -> Losses:
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream), warnings.catch_warnings():
            # Adam says that it is not being captured: it will be.
            warnings.filterwarnings("ignore", message=".*capturable=True")
            losses = run()
        current.wait_stream(self.stream)
        return losses

    def record(self, run: Callable[[], Losses]) -> Losses:
        failures: list[RuntimeError] = []
        try:
            # Where it fails torch leaves its stream the current one: the outer block puts that right. Other threads of
            # a worker, such as Ray's, may do what they like meanwhile.
            with (
                torch.cuda.stream(torch.cuda.current_stream(self.device)),
                torch.cuda.graph(self.graph, stream=self.stream, capture_error_mode="thread_local"),
            ):
                try:
                    losses = run()  # recorded only
                except RuntimeError as error:
                    failures.append(error)
                    raise
        except RuntimeError as error:
            failures.append(error)  # ending the recording of a step that failed fails too, and says less
            _failed.append(self.graph)
            if memory.exhausted(failures[0]):
                raise failures[0] from None
            said = f"its steps cannot be recorded as a CUDA graph ({reason(failures[0])})"
            raise RunError(f"{said}; --eager --retry-failed takes them one operation at a time") from failures[0]
        self.graph.replay()
        return losses

    def replay(self) -> None:
        self.graph.replay()


@functools.cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    """One for all trials of a process: cuBLAS keeps memory for every stream that ever used it."""
    return torch.cuda.Stream(device)
