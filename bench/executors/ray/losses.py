"""Trials and workers that are lost: when they are retried, and why they were lost."""

from pathlib import Path
from typing import Any, cast

from ray import tune

from bench.executors.base import MORE_MEMORY
from bench.training.events import Ended, Event, OnEvent, Started

RETRIES = 3  # of a trial that loses its worker or node without any progress between
FULL = "RAY_memory_usage_threshold"  # occurs in the message of Ray's memory monitor when it has killed a worker


class Relay(tune.Callback):
    """Passes every reported event to `on_event`. A trial that has progressed since it was last lost gets new RETRIES.

    So a trial survives any number of lost nodes, but not a step that kills every worker.
    """

    def __init__(self, on_event: OnEvent) -> None:
        self.on_event = on_event
        self.reached: dict[str, int] = {}  # trial id -> the step from which it last continued
        self.ended: set[str] = set()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, object], **info: object
    ) -> None:
        """Pass on the event in Tune's `result`."""
        del iteration, trials, info
        id, event = trial.config["id"], cast("Event", result["event"])
        if isinstance(event, Ended):
            self.ended.add(id)
        elif isinstance(event, Started):
            if event.step > self.reached.get(id, 0):
                trial.max_failures = trial.num_failures + RETRIES
            self.reached[id] = event.step
        self.on_event(id, event)

    def __getstate__(self) -> dict[str, object]:
        return {}  # Tune pickles its callbacks for a restore that is never used; a live display cannot be pickled


def reasons(results: tune.ResultGrid) -> dict[str, str]:
    """Why Tune gave trials up, by their ids."""
    # By the names of their folders: of a trial that never reported anything, Tune no longer knows the configuration.
    return {Path(result.path).name: _reason(str(result.error)) for result in results if result.error}


def _reason(said: str) -> str:
    if FULL in said:
        return f"Ray ended its worker, for the machine's memory was nearly full: {MORE_MEMORY['CPU']}"
    return (said.strip().splitlines() or ["Ray gave no reason"])[-1]
