"""The estimate of a dry run: its step is the step of a trial."""

import pytest
import torch
from specimens import SOURCE, make_spec

from bench.contract import Subject
from bench.contract.subject import SHAPE, pixels
from bench.contract.training import state
from bench.driver import estimate, trial_cost
from bench.evaluation import cost
from bench.evaluation.cost import ExtractionCost
from bench.experiment.settings import Training
from bench.experiment.specification import Trial
from bench.metrics.columns import OPTIONAL
from bench.runtime import rng
from bench.training.step import Stepper, take_step, trained_parameters
from methods import METHODS


@pytest.mark.parametrize("method", ["moco", "vae", "autoencoder"])
def test_a_dry_run_times_the_step_that_a_trial_takes(method):
    """The dry run uses no optimiser class of torch, but computes the same update."""
    states = []
    for timed in (False, True):
        made = Subject(METHODS[method], METHODS[method].priors[0]).build()
        rng.seed_everything(0)
        if timed:
            optimizer = trial_cost.FunctionalAdam(trained_parameters(made.param_groups()))
            for _ in range(3):
                take_step(made, optimizer, pixels(16))
        else:
            stepper = Stepper(made, Training(learning_rate=trial_cost.RATE), 10)
            for i in range(3):
                stepper(i, pixels(16))
        states.append(state(made))
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.parametrize(
    ("groups", "why"),
    [
        (lambda g: g + g, "has a parameter twice"),
        (lambda g: [{"params": 2 * g[0]["params"]}], "has a parameter twice"),
        (lambda g: [{"params": [2 * g[0]["params"][0]]}], "has a tensor that is not a parameter"),
    ],
)
def test_a_trial_and_its_dry_run_refuse_the_same_parameters(monkeypatch, groups, why):
    class Odd(METHODS["autoencoder"]):
        def param_groups(self):
            return groups(super().param_groups())

    monkeypatch.setitem(METHODS, "odd", Odd)
    trial = Trial.plan(make_spec(method="odd", prior="normal"), "odd", SOURCE)
    with pytest.raises(ValueError, match=why):
        estimate.trial_cost(trial, {"train": 100, "validation": 10, "test": 10}, ExtractionCost(0.0, 64))
    with pytest.raises(ValueError, match=why):
        Stepper(Subject(Odd, "normal").build(), Training(learning_rate=1e-3), 10)


@pytest.mark.parametrize("metric", OPTIONAL)
def test_a_dry_run_counts_every_optional_metric(monkeypatch, metric):
    """With a clock by which every timed call takes a second."""
    monkeypatch.setattr(cost, "timed", lambda call: (call(), 1.0)[1])
    spec, seconds = make_spec(method="autoencoder", prior="normal"), []
    for metrics in ([], [metric]):
        evaluation = spec.evaluation.model_copy(update={"metrics": metrics})
        counts = dict.fromkeys(("train", "validation", "test"), 100)
        method = Subject(METHODS["autoencoder"], "normal").build()
        row, last = cost.evaluation_seconds(method, ExtractionCost(0.0, 64), evaluation, SHAPE, counts)
        seconds.append((row, last))
    assert seconds[1][0] == seconds[0][0]
    assert seconds[1][1] > seconds[0][1]
