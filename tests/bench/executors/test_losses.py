"""Retries of trials whose workers are lost."""

from types import SimpleNamespace

from bench.executors.ray import lost_trials, report_of
from bench.executors.ray.lost_trials import RETRIES
from bench.store.states import State
from bench.training.events import Ended, Started


def test_a_trial_that_gets_on_between_losses_is_never_given_up():
    """Its retries begin anew with every checkpoint that it reaches, and only then."""
    trial, seen = SimpleNamespace(config={"id": "a"}, num_failures=0, max_failures=RETRIES), []
    relay = lost_trials.Relay(lambda id, event: seen.append((id, event)))

    def lost_at(step: int) -> None:
        relay.on_trial_result(0, [], trial, report_of(Started(step, 200)))
        trial.num_failures += 1

    for step in (0, 0):
        lost_at(step)
    assert trial.max_failures == RETRIES
    for step in range(10, 200, 10):
        lost_at(step)
        assert trial.max_failures == trial.num_failures - 1 + RETRIES
    for _ in range(RETRIES):
        lost_at(190)
    assert trial.num_failures > trial.max_failures
    relay.on_trial_result(0, [], trial, report_of(Ended(State.done, None)))
    assert relay.ended == {"a"}
    assert len(seen) == 2 + 19 + RETRIES + 1
