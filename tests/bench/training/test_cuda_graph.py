"""Recording a step as a CUDA graph, with a stand-in for torch.cuda."""

from types import SimpleNamespace

import pytest
import torch

from bench.errors import RunError
from bench.training import cuda_graph


def test_a_cuda_graph_does_its_first_steps_aside_then_records_and_replays(monkeypatch):
    """As torch requires: a side stream that waits and is waited for. Recording alone computes nothing."""
    said = []

    class Stream:
        def __init__(self, name):
            self.name = name

        def wait_stream(self, other):
            said.append(f"{self.name} waits for {other.name}")

    class Within:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            said.append(f"begin {self.name}")

        def __exit__(self, *failure):
            if self.name == "capture" and failure[0]:
                raise RuntimeError("the capture failed due to a previous error")
            said.append(f"end {self.name}")

    fake = SimpleNamespace(
        Stream=lambda _: Stream("side"),
        CUDAGraph=lambda: SimpleNamespace(replay=lambda: said.append("replay")),
        current_stream=lambda _: Stream("main"),
        stream=lambda stream: Within(stream.name),
        graph=lambda *_, **__: Within("capture"),
    )
    monkeypatch.setattr(cuda_graph.torch, "cuda", fake)
    monkeypatch.setattr(cuda_graph, "_side_stream", fake.Stream)  # without its cache
    graph = cuda_graph.CudaGraph(torch.device("cpu"))
    run = lambda: said.append("step") or {}  # noqa: E731
    graph.warm_up(run)
    assert said == ["side waits for main", "begin side", "step", "end side", "main waits for side"]
    said.clear()
    graph.record(run)
    graph.replay()
    assert said == ["begin main", "begin capture", "step", "end capture", "end main", "replay", "replay"]

    def fails():
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    said.clear()
    with pytest.raises(RunError, match=r"not permitted when stream is capturing\); --eager --retry-failed"):
        graph.record(fails)
    assert said == ["begin main", "begin capture", "end main"]  # torch leaves its own stream the current one

    def full():
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):  # which has advice of its own
        graph.record(full)
