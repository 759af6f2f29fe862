"""What Tune is told of trials and workers that are lost."""

from pathlib import Path
from typing import Any

from ray import tune
from ray.air.execution._internal import actor_manager
from ray.exceptions import OutOfMemoryError, RayActorError
from ray.tune.execution import tune_controller

from bench.executors.base import MORE_MEMORY
from bench.training.events import Event, OnEvent

RETRIES = 3  # of a trial whose worker or node was lost, without getting on between
FULL = "RAY_memory_usage_threshold"  # in what Ray's monitor of the memory says when it has ended a worker

# To Tune (2.60) a worker that Ray's monitor ended is no lost worker: it would end the whole run with a traceback.
for _module in (actor_manager, tune_controller):
    _module.RayActorError = (RayActorError, OutOfMemoryError)  # pyright: ignore[reportAttributeAccessIssue]


class Relay(tune.Callback):
    """Hands every reported event on to `on_event`. A trial that has got on since it was last lost has its RETRIES anew.

    So a trial outlives any number of lost nodes, but not a step that kills every worker.
    """

    def __init__(self, on_event: OnEvent) -> None:
        self.on_event = on_event
        self.reached: dict[str, int] = {}  # the step from which a trial last went on
        self.ended: set[str] = set()

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: Event, **info: Any) -> None:
        del iteration, trials, info
        id = trial.config["id"]
        if result["kind"] == "end":
            self.ended.add(id)
        elif result["kind"] == "start":
            if result["step"] > self.reached.get(id, 0):
                trial.max_failures = trial.num_failures + RETRIES
            self.reached[id] = result["step"]
        self.on_event(id, result)

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles its callbacks for a restore that is never used; a live display cannot be pickled


def reasons(results: tune.ResultGrid) -> dict[str, str]:
    """Why Tune gave trials up, by their ids."""
    # By the names of their folders: of a trial that never reported anything, Tune no longer knows the configuration.
    return {Path(result.path).name: _reason(str(result.error)) for result in results if result.error}


def _reason(said: str) -> str:
    if FULL in said:
        return f"Ray ended its worker, for the machine's memory was nearly full: {MORE_MEMORY['CPU']}"
    return (said.strip().splitlines() or ["Ray gave no reason"])[-1]
