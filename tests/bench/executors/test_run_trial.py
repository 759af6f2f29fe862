"""How a trial runs: which steps are replayed as a CUDA graph."""

import torch
from broken_methods import Anneals, Switches
from specimens import make_trial

from bench.executors.run_trial import StepMode, choose_step_mode
from methods import METHODS


def test_steps_are_replayed_only_on_a_gpu_and_only_if_a_replay_equals_them(monkeypatch):
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
