"""When evaluations run in Ray tasks beside their trial, and what becomes of those that are lost."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
import torch
from specimens import make_spec

from bench.executors import base
from bench.executors.base import Resources
from bench.executors.ray import beside as ray_beside
from bench.executors.ray.beside import MOST_LOST, WORTH_SECONDS, Idleness, RayBeside
from bench.runtime.allowance import Allowance


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        (Resources(), Idleness(1, 4, WORTH_SECONDS)),
        (Resources(2, evaluate_beside="on"), Idleness(2, 2, 0.0)),
        (Resources(max_concurrent=3), Idleness(1, 3, WORTH_SECONDS)),
        (Resources(address="auto"), Idleness(1, None, WORTH_SECONDS)),
        (Resources(address="auto", max_concurrent=3), None),  # which counts trials of all nodes
        (Resources(scheduler="asha"), None),  # which needs every score at once
        (Resources(evaluate_beside="off"), None),
    ],
)
def test_what_the_options_allow(monkeypatch, resources, expected):
    monkeypatch.setattr(base, "allowance", lambda: Allowance(4, 64 * base.TRIAL_BYTES))
    assert Idleness.allowed(resources) == expected


@pytest.mark.parametrize(
    ("free", "total", "cpus", "most", "idle"),
    [
        (1, 2, 1, 2, True),
        (0, 2, 1, 2, False),  # two trials on two processors
        (1, 3, 2, None, False),  # a trial of two threads leaves too few
        (6, 8, 1, 2, False),  # --max-concurrent 2
        (7, 8, 1, 2, True),
        (7, 8, 1, None, True),
    ],
)
def test_processors_are_idle_if_a_trial_more_would_fit(monkeypatch, free, total, cpus, most, idle):
    monkeypatch.setattr(ray_beside, "free_cpus", lambda node: {"here": (free, total)}[node])
    assert Idleness(cpus, most, 0).holds("here") is idle


@pytest.fixture
def elsewhere(monkeypatch):
    """A RayBeside on an idle machine whose tasks end when the test says so."""
    monkeypatch.setattr(ray_beside, "free_cpus", lambda _: (1, 2))
    spec = make_spec()
    made = RayBeside(SimpleNamespace(spec=spec), Idleness(1, 2, WORTH_SECONDS), "here", None)  # pyright: ignore
    made.submitted = []

    def submit(function, *_):
        made.submitted.append((function, Future()))
        return SimpleNamespace(future=lambda: made.submitted[-1][1])

    monkeypatch.setattr(made, "_submit", submit)
    before = torch.get_num_threads()
    torch.set_num_threads(spec.threads)
    yield made
    torch.set_num_threads(before)


def prepared(elsewhere):
    elsewhere.can_start(WORTH_SECONDS)
    elsewhere.submitted[-1][1].set_result(None)


def test_a_training_waits_for_no_imports(elsewhere):
    assert not elsewhere.can_start(WORTH_SECONDS / 2)
    assert elsewhere.submitted == []  # not worth it
    assert not elsewhere.can_start(WORTH_SECONDS)
    assert not elsewhere.can_start(WORTH_SECONDS)
    assert [function for function, _ in elsewhere.submitted] == [ray_beside._prepare]
    elsewhere.submitted[0][1].set_result(None)
    assert elsewhere.can_start(WORTH_SECONDS / 2)  # the process is there now


def test_a_process_that_cannot_be_prepared_is_not_used(elsewhere):
    elsewhere.can_start(WORTH_SECONDS)
    elsewhere.submitted[0][1].set_exception(ImportError("no module named mine"))
    assert not elsewhere.can_start(WORTH_SECONDS)
    assert len(elsewhere.submitted) == 1


def test_after_lost_evaluations_a_trial_makes_its_own(elsewhere, monkeypatch):
    cancelled = []
    monkeypatch.setattr(ray_beside.ray, "cancel", lambda reference, force: cancelled.append((reference, force)))
    for _ in range(MOST_LOST):
        prepared(elsewhere)
        assert elsewhere.can_start(WORTH_SECONDS)
        pending = elsewhere.start({"weight": torch.zeros(1)})
        assert not pending.done()
        with pytest.raises(TimeoutError):
            pending.result(0.001)
        pending.cancel()
        assert cancelled.pop() == (pending.reference, True)
    assert not elsewhere.can_start(WORTH_SECONDS)


def test_a_result_is_passed_on_and_its_process_stays(elsewhere):
    prepared(elsewhere)
    pending = elsewhere.start({"weight": torch.zeros(1)})
    elsewhere.submitted[-1][1].set_result("measured")
    assert pending.result(1) == "measured"
    pending.cancel()  # nothing is left to cancel; Ray is not asked
    assert elsewhere.can_start(0)


def test_a_method_that_changes_how_its_process_computes_is_evaluated_there(elsewhere):
    prepared(elsewhere)
    torch.set_num_threads(elsewhere.task.spec.threads + 1)
    assert not elsewhere.can_start(WORTH_SECONDS)
    torch.set_num_threads(elsewhere.task.spec.threads)
    torch.use_deterministic_algorithms(True)
    try:
        assert not elsewhere.can_start(WORTH_SECONDS)
    finally:
        torch.use_deterministic_algorithms(False)
    assert elsewhere.can_start(WORTH_SECONDS)
