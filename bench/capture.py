"""Steps on a GPU as one CUDA graph: launching their hundreds of small kernels one by one is what takes long there."""

import warnings
from collections.abc import Callable
from typing import Any

import torch

from bench import memory
from bench.contract import judge
from bench.contract.subject import Subject
from bench.errors import RunError, reason
from bench.step import Graph, Losses
from methods import METHODS


class CudaGraph:
    """torch.cuda.CUDAGraph, as "Whole-network capture" in torch's notes on CUDA semantics has it."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device)
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
        try:
            # Other threads of a worker, such as Ray's, may do what they like meanwhile.
            with torch.cuda.graph(self.graph, stream=self.stream, capture_error_mode="thread_local"):
                losses = run()  # recorded only
        except RuntimeError as error:
            if memory.exhausted(error):
                raise
            said = f"its steps cannot be recorded as a CUDA graph ({reason(error)})"
            raise RunError(f"{said}; --eager --retry-failed takes them one operation at a time") from error
        self.graph.replay()
        return losses

    def replay(self) -> None:
        self.graph.replay()


def chosen(spec: dict[str, Any], device: torch.device, eager: bool) -> tuple[Graph | None, str | None]:
    """What replays the steps of a trial, if anything; and why not, where its method would not bear it.

    The method is tried on the CPU, with tiny networks: a CUDA graph would not notice that it should have changed.
    """
    if eager or device.type != "cuda":
        return None, None
    subject = Subject(METHODS[spec["method"]], spec["prior"], tuple(spec["hyperparameters"].items()))
    for check in ("waiting", "replays"):
        verdict = judge(check, subject)
        if verdict.state == "broken":
            return None, f"its steps are not replayed as a CUDA graph, which is slower: {verdict.reason}"
    return CudaGraph(device), None
