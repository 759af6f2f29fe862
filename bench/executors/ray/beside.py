"""Evaluations beside a training, in Ray tasks on the node of its trial."""

import os
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import ray
import torch
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from bench.executors.base import Resources, trials_at_once
from bench.executors.evaluating import Task
from bench.executors.ray.private import free_cpus
from bench.runtime import torch_state
from bench.training import checkpoint
from bench.training.evaluations import Measured, State

WORTH_SECONDS = 10.0  # evaluations that take less in all are not worth another process, which takes 5 to start
MOST_LOST = 2  # evaluations of a trial that may be lost before it makes all others itself


@dataclass(frozen=True)
class Idleness:
    """Tells when the processors of a node are idle.

    Attributes:
        cpus: those of an evaluation, as many as those of a trial.
        most: trials and evaluations that this machine may run at a time; None on a cluster, where Ray decides.
        worth: the fewest seconds of evaluations that are worth another process.
    """

    cpus: int
    most: int | None
    worth: float

    @classmethod
    def allowed(cls, resources: Resources) -> "Idleness | None":
        """Return what the options of a run allow; None if no evaluation may run beside its training."""
        on_cluster = resources.address is not None
        needs_rows_at_once = resources.scheduler != "none"
        if resources.evaluate_beside == "off" or needs_rows_at_once or (on_cluster and resources.max_concurrent):
            return None
        worth = 0.0 if resources.evaluate_beside == "on" else WORTH_SECONDS
        return cls(resources.cpus, None if on_cluster else trials_at_once(resources), worth)

    def holds(self, node: str) -> bool:
        """Whether a node, by its id, has idle processors enough for an evaluation."""
        free, total = free_cpus(node)
        running = (total - free) / self.cpus
        return free >= self.cpus and (self.most is None or running + 1 <= self.most)


class RayBeside:
    """Runs the evaluations of one trial beside it (`bench.training.evaluations.Beside`).

    Ray keeps the process of a finished task for the next one. The first task only prepares it, so that no training
    waits for imports.
    """

    def __init__(self, task: Task, idleness: Idleness, node: str, folder: str | None) -> None:
        self.task, self.idleness, self.node, self.folder = task, idleness, node, folder
        self.prepared: Future[None] | None = None
        self.lost = 0

    def can_start(self, seconds: float) -> bool:
        """Whether an evaluation can start now. The first call that could say yes only prepares the process."""
        if self.lost >= MOST_LOST or not self.idleness.holds(self.node):
            return False
        if torch.get_num_threads() != self.task.spec.threads or torch_state.changed():
            return False  # the method has changed how its own process computes
        if self.prepared is not None:
            return self.prepared.done() and self.prepared.exception() is None
        if seconds >= self.idleness.worth:
            self.prepared = self._submit(_prepare).future()
        return False

    def start(self, state: State) -> "RayEvaluation":
        """Start to evaluate the method with this state."""
        return RayEvaluation(self, self._submit(_evaluate, checkpoint.serialise(state)))

    def lose(self) -> None:
        """Note that an evaluation was lost, perhaps with its process."""
        self.lost += 1
        self.prepared = None

    def _submit(self, function: Any, *arguments: object) -> Any:
        """Submit a task on the node of the trial, because processors of other nodes may round otherwise."""
        here = NodeAffinitySchedulingStrategy(self.node, soft=False)
        options = {"num_cpus": self.idleness.cpus, "scheduling_strategy": here}
        return function.options(**options).remote(self.task, self.folder, *arguments)


class RayEvaluation:
    """An evaluation in a Ray task (`bench.training.evaluations.Pending`)."""

    def __init__(self, beside: RayBeside, reference: Any) -> None:
        self.beside, self.reference = beside, reference
        self.future: Future[Measured] = reference.future()

    def done(self) -> bool:
        """Whether it has ended."""
        return self.future.done()

    def result(self, timeout: float) -> Measured:
        """Return what it found; an exception of Ray or TimeoutError if it failed, was lost or took too long."""
        try:
            return self.future.result(timeout)
        except Exception:
            self.beside.lose()
            raise

    def cancel(self) -> None:
        """End its process, if it still runs."""
        if not self.future.done():
            ray.cancel(self.reference, force=True)


@ray.remote(max_retries=0)
def _prepare(task: Task, folder: str | None) -> None:
    if folder is not None:
        os.chdir(folder)
    task.prepare()


@ray.remote(max_retries=0)
def _evaluate(task: Task, folder: str | None, state: bytes) -> Measured:
    if folder is not None:
        os.chdir(folder)
    return task.evaluate(state)
