"""Trials that lose their worker: how often they are retried, and why they were lost."""

from pathlib import Path
from typing import Any, cast

from ray import tune

from bench.executors.base import MORE_MEMORY
from bench.training.events import Ended, Event, OnEvent, Started

RETRIES = 3  # in a row, of a trial that loses its worker or node each time before it makes progress
MEMORY_MONITOR = "RAY_memory_usage_threshold"  # in the error message if Ray's memory monitor killed the worker


class Relay(tune.Callback):
    """Passes reported events to `on_event`, and renews the retries of trials that have progressed since the last loss.

    A trial therefore survives any number of lost nodes, but fails if one step kills its worker every time.
    """

    def __init__(self, on_event: OnEvent) -> None:
        self.on_event = on_event
        self.reached: dict[str, int] = {}  # trial id -> first step of its latest attempt
        self.ended: set[str] = set()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, object], **info: object
    ) -> None:
        """Pass the event in `result` to `on_event`."""
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
        return {}  # Tune pickles callbacks for Tuner.restore, which is never called; a live display cannot be pickled


def reasons(results: tune.ResultGrid) -> dict[str, str]:
    """Return why Tune gave up trials, by trial id."""
    # Tune's folders are named after trial ids. The configuration is missing if a trial never reported anything.
    return {Path(result.path).name: _reason(str(result.error)) for result in results if result.error}


def _reason(message: str) -> str:
    if MEMORY_MONITOR in message:
        return f"Ray killed its worker because the machine's memory was nearly full: {MORE_MEMORY['CPU']}"
    return (message.strip().splitlines() or ["Ray gave no reason"])[-1]
