"""The step: its cost besides arithmetic, replays that equal steps done anew, optimisers and schedules."""

from collections import Counter

import pytest
import torch
from specimens import make_spec
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from bench.contract import Subject, modes
from bench.contract.subject import pixels
from bench.contract.tape import Recomputed, Tape
from bench.contract.training import differing, state, train
from bench.experiment.settings import Training
from bench.runtime import rng
from bench.training.build import build
from bench.training.optimisers import OPTIMISERS, make_optimiser
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
    """In the whole step, the optimiser's part included."""
    stepper = Subject(method, prior).stepper()
    train(stepper, 0, 1)
    wait = None
    try:
        with modes.NoReading(), modes.NoWaiting():
            train(stepper, 1, 2)
    except modes.DeviceWait as error:
        wait = str(error)
    assert wait is None


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
    found = counted(Stepper(method, Training(learning_rate=1e-3), 10), 0, pixels(16)).calls
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


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize(("method", "prior"), EVERY)
def test_replayed_steps_are_those_done_anew(method, prior, schedule):
    """Also their learning rates, which change from step to step."""
    found = []
    for graph in (Recomputed(), Tape()):
        training = Training(learning_rate=1e-3, schedule=schedule)
        stepper = Stepper(Subject(method, prior).build(), training, WARM_UP + 4, graph)
        rng.seed_everything(0)
        train(stepper, 0, WARM_UP + 4)
        found.append(state(stepper.method))
    assert not differing(*found)


def test_replayed_steps_end_near_those_of_a_training_without_replays():
    """Near, for the learning rate is a float32 number there."""
    found = []
    for graph in (None, Tape()):
        stepper = Stepper(Subject(MoCo, "sphere").build(), Training(learning_rate=1e-3, schedule="cosine"), 40, graph)
        rng.seed_everything(0)
        train(stepper, 0, 40)
        found.append(state(stepper.method))
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, rtol=1e-3, atol=1e-4, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.parametrize("name", METHODS)
def test_fused_adam_equals_the_plain_one_on_channels_last_networks(name):
    """Fused Adam on CPUs is silently wrong where a parameter and its gradient differ in strides."""
    spec, batch = make_spec(method=name), torch.randint(0, 256, (16, 1, 8, 8), dtype=torch.uint8)
    results = []
    for fused in (True, False):
        method = build(spec)
        stepper = Stepper(method, spec.optimisation, 10)
        for group in stepper.optimizer.param_groups:
            group["fused"] = fused
            group["foreach"] = False
        for step in range(5):
            stepper(step, batch)
        results.append(method.state_dict())
    for key, value in results[0].items():
        torch.testing.assert_close(value, results[1][key], rtol=1e-4, atol=1e-5)


def test_schedules():
    spec = make_spec(method="gan", schedule="cosine", learning_rate=0.1)
    method = build(spec)
    method.critic_lr_scale = 0.5  # pyright: ignore[reportAttributeAccessIssue]
    stepper = Stepper(method, spec.optimisation, 10)
    assert stepper.learning_rate(0) == pytest.approx(0.1)
    assert stepper.learning_rate(5) == pytest.approx(0.05)
    stepper(5, torch.randint(0, 256, (4, 1, 8, 8), dtype=torch.uint8))
    assert [group["lr"] for group in stepper.optimizer.param_groups] == pytest.approx([0.05, 0.025])


@pytest.mark.parametrize("name", sorted(OPTIMISERS))
def test_every_optimiser_of_torch_takes_a_step_on_every_kind_of_parameter(name):
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2, 1))
    before = [parameter.detach().clone() for parameter in network.parameters()]
    optimiser = make_optimiser(Training(optimiser=name), [{"params": list(network.parameters())}], 0.1)
    network(torch.ones(1, 1, 3, 3)).square().sum().backward()
    optimiser.step()
    changed = [not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True)]
    assert all(changed)
