"""The step: what it costs besides arithmetic, and that a recorded one comes to the same as one done anew."""

from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from broken_methods import Anneals, Switches
from specimens import make_trial
from torch.utils._python_dispatch import TorchDispatchMode

from bench.contract import Subject, modes
from bench.contract.subject import pixels
from bench.contract.tape import Recomputed, Tape
from bench.contract.training import differing, state, train
from bench.driver import estimate
from bench.errors import RunError
from bench.executors.run_trial import StepMode, choose_step_mode
from bench.experiment.settings import Training
from bench.runtime import rng
from bench.training import cuda_graph
from bench.training.step import WARM_UP, Stepper
from methods import METHODS
from methods.moco import MoCo

EVERY = [
    pytest.param(method, prior, id=f"{name}-{prior}") for name, method in METHODS.items() for prior in method.priors
]


class Counted(TorchDispatchMode):
    """Counts operations by name, and the bytes of what they return in memory of its own."""

    def __init__(self):
        super().__init__()
        self.calls, self.bytes = Counter(), 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        self.calls[func.overloadpacket.__name__] += 1
        before = {id(x.untyped_storage()) for x in torch.utils._pytree.tree_leaves(args) if isinstance(x, torch.Tensor)}
        for tensor in torch.utils._pytree.tree_leaves(found):
            if isinstance(tensor, torch.Tensor) and id(tensor.untyped_storage()) not in before:
                self.bytes += tensor.untyped_storage().nbytes()
        return found


def counted(stepper, step, batch):
    with Counted() as found:
        stepper(step, batch)
    return found


@pytest.mark.parametrize(("method", "prior"), EVERY)
def test_a_step_never_waits_for_the_device(method, prior):
    """The whole of it, with the optimiser's."""
    stepper = Subject(method, prior).stepper()
    train(stepper, 0, 1)
    with modes.NoReading(), modes.NoWaiting():
        train(stepper, 1, 2)


@pytest.mark.parametrize(("method", "prior"), EVERY)
def test_steps_neither_multiply_their_operations_nor_their_memory(method, prior):
    """As many in the tenth step as in the second, and as many for 64 images as for 16: nothing loops over images."""
    stepper = Subject(method, prior).stepper()
    train(stepper, 0, 1)
    second = counted(stepper, 1, pixels(16))
    train(stepper, 2, 7)
    tenth = counted(stepper, 9, pixels(16))
    assert (tenth.calls, tenth.bytes) == (second.calls, second.bytes)
    larger = Subject(method, prior).stepper()
    larger(0, pixels(64))
    assert counted(larger, 1, pixels(64)).calls == second.calls


def test_moco_runs_its_second_encoder_once_without_a_backward_pass():
    """Two encoders and a decoder forward, one encoder and a decoder backward."""
    method = Subject(MoCo, "sphere").build()
    layers = [
        sum(isinstance(m, torch.nn.Conv2d | torch.nn.ConvTranspose2d) for m in part.modules())
        for part in (method.encoder, method.key_encoder, method.decoder)
    ]
    found = counted(Stepper(method, Training(), 10), 0, pixels(16)).calls
    assert found["convolution"] == sum(layers)
    assert found["convolution_backward"] == layers[0] + layers[2]


def test_a_larger_queue_costs_moco_no_more_operations_and_is_never_copied():
    """lightly's memory bank clones itself at every step."""
    counts = {}
    for size in (4096, 65536):
        stepper = Subject(MoCo, "sphere", (("queue_size", size),)).stepper()
        stepper(0, pixels(16))
        counts[size] = counted(stepper, 1, pixels(16))
    small, large = counts[4096], counts[65536]
    assert small.calls == large.calls
    logits, queue = 16 * 4, 4 * 4  # bytes for each key: float32 [16, K] and [K, 4]
    assert (large.bytes - small.bytes) / (65536 - 4096) < 4 * logits + queue


def test_mmd_computes_its_distances_once_for_all_scales():
    """pythae computes them for each of seven scales, three times."""
    stepper = Subject(METHODS["mmd"], "normal").stepper()
    with Counted() as found:
        stepper.method.losses(pixels(16) / 127.5 - 1)
    assert found.calls["mm"] == 3  # codes and codes, samples and samples, codes and samples


@pytest.mark.parametrize("method", ["moco", "vae", "autoencoder"])
def test_a_dry_run_times_the_step_that_a_trial_takes(method):
    """It does without torch's optimisers, but not without what they do."""
    found = []
    for timed in (False, True):
        made = Subject(METHODS[method], METHODS[method].priors[0]).build()
        rng.seed_everything(0)
        if timed:
            step = estimate._step(made, pixels(16))
            for _ in range(3):
                step()
        else:
            stepper = Stepper(made, Training(learning_rate=estimate.RATE), 10)
            for i in range(3):
                stepper(i, pixels(16))
        found.append(state(made))
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.parametrize(
    ("groups", "why"),
    [
        (lambda g: g + g, "has a parameter twice"),
        (lambda g: [{"params": 2 * g[0]["params"]}], "has a parameter twice"),
        (lambda g: [{"params": [2 * g[0]["params"][0]]}], "has a tensor that is no parameter"),
    ],
)
def test_a_trial_and_its_dry_run_refuse_the_same_parameters(groups, why):
    class Odd(METHODS["autoencoder"]):
        def param_groups(self):
            return groups(super().param_groups())

    method = Subject(Odd, "normal").build()
    with pytest.raises(ValueError, match=why):
        estimate._step(method, pixels(16))
    with pytest.raises(ValueError, match=why):
        Stepper(method, Training(), 10)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize(("method", "prior"), EVERY)
def test_replayed_steps_are_those_done_anew(method, prior, schedule):
    """Also their learning rates, which change from step to step."""
    found = []
    for graph in (Recomputed(), Tape()):
        training = Training(schedule=schedule)
        stepper = Stepper(Subject(method, prior).build(), training, WARM_UP + 4, graph)
        rng.seed_everything(0)
        train(stepper, 0, WARM_UP + 4)
        found.append(state(stepper.method))
    assert not differing(*found)


def test_replayed_steps_end_near_those_of_a_training_without_replays():
    """Near, for the learning rate is a float32 number there."""
    found = []
    for graph in (None, Tape()):
        stepper = Stepper(Subject(MoCo, "sphere").build(), Training(schedule="cosine"), 40, graph)
        rng.seed_everything(0)
        train(stepper, 0, 40)
        found.append(state(stepper.method))
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, rtol=1e-3, atol=1e-4, msg=lambda m, name=name: f"{name}: {m}")


def test_only_what_bears_it_is_replayed_and_only_on_a_gpu(monkeypatch):
    spec = make_trial("moco", hyperparameters={"queue_size": 64}).spec
    gpu = torch.device("cuda", 0)
    cpu = torch.device("cpu")
    assert choose_step_mode(spec, cpu, eager=False) == StepMode(cpu)
    assert choose_step_mode(spec, gpu, eager=True) == StepMode(gpu)
    assert choose_step_mode(spec, gpu, eager=False) == StepMode(gpu, replayed=True)

    class Reads(METHODS["mmd"]):
        def losses(self, x):
            found = super().losses(x)
            return found if found["loss"].item() > 0 else {**found}

    refused = (
        (Anneals, "steps change weight"),
        (Switches, "steps change steps"),
        (Reads, "item() reads a value"),
    )
    for broken, why in refused:
        monkeypatch.setitem(METHODS, "mine", broken)
        steps = choose_step_mode(make_trial("mine", prior="normal").spec, gpu, eager=False)
        assert not steps.replayed
        assert steps.warning is not None
        assert steps.warning.startswith("mine: its steps are not replayed")
        assert why in steps.warning


def test_a_cuda_graph_does_its_first_steps_aside_then_records_and_replays(monkeypatch):
    """What torch asks for: a stream of its own that waits, and is waited for; recording does nothing by itself."""
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
    graph.aside(run)
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
