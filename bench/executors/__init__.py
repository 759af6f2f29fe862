"""Executors run trials and tell progress. What one trial does is the same in all of them: `run_trial`."""

import os
import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import RunError, UserError, reason
from bench.experiment.plugins import Packaged, Plugin
from bench.experiment.trials import Trial
from bench.io.object_store import Remote

if TYPE_CHECKING:
    from bench.training.cuda_graph import Steps

Event = dict[str, Any]  # {"kind": "start", "progress", "evaluating", "row" or "end", ...}: plain numbers and strings
OnEvent = Callable[[str, Event], None]  # trial id, event
MORE_MEMORY = {  # another batch size is another protocol, and needs another --out
    "GPU": "give it a larger --gpus-per-trial, or lower training.batch_size",
    "CPU": "give it a lower --max-concurrent, or lower training.batch_size",
}


@dataclass(frozen=True)
class Inputs:
    """What trials read, on the driver's machine or as a copy on a node (`bench.executors.delivery`); absolute."""

    data: Path
    features: Path  # where what extractors say of the real images is kept
    extractor: Path  # the experiment's folder of it
    inception: Path | None  # its weights


@dataclass(frozen=True)
class Context:
    """What all trials of a run share. Paths are absolute: a worker has a working directory of its own."""

    trials: Path | Remote  # where their folders are
    inputs: Inputs  # of the driver's machine
    extractor_sha256: str
    plugins: tuple[Plugin | Packaged, ...]
    checkpoint_seconds: float
    eager: bool  # GPUs take steps one operation at a time
    git: dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a trial is run: its torch device, how many trials may share the machine, and the cluster's node, if any."""

    device: str
    concurrent: int = 1
    node: str | None = None


@dataclass(frozen=True)
class Resources:
    """What a trial is given. `gpus` None: one, where the cluster or machine has any. `custom`: the cluster's own."""

    cpus: int = 1
    gpus: float | None = None
    custom: dict[str, float] = field(default_factory=dict)
    max_concurrent: int | None = None
    address: str | None = None
    scheduler: str = "none"  # "asha": trials that are behind end early

    def __post_init__(self) -> None:
        gpus = self.gpus or 0
        if gpus > 1 and gpus != int(gpus):
            raise UserError(f"--gpus-per-trial {gpus:g}: give a trial whole GPUs, or a fraction of one below 1")


def check_machine(resources: Resources) -> None:
    """Refuse, before anything is waited for, a trial that this machine has no room for.

    Raises:
        UserError: it asks for a cluster's resources. RunError: too many CPUs or GPUs.
    """
    import torch

    for name, amount in resources.custom.items():
        raise UserError(f"--resource {name}={amount:g} is a cluster's; give its --address too")

    asked = {"CPUs": resources.cpus, "GPUs": resources.gpus or 0}
    there = {"CPUs": os.cpu_count() or 1, "GPUs": torch.cuda.device_count()}
    for kind, number in asked.items():
        if number > there[kind]:
            option = f"--{kind.lower()}-per-trial"
            raise RunError(f"a trial asks for {number:g} {kind}, but this machine has {there[kind]}; lower {option}")


def run_trial(trial: Trial, context: Context, inputs: Inputs, place: Place) -> Iterator[Event]:
    """Train one trial from its last checkpoint and note how it ended. Whatever goes wrong ends only its trial.

    inputs: the context's, or a copy of them.
    """
    import torch

    from bench.experiment.plugins import install
    from bench.runtime import memory
    from bench.runtime.environment import describe
    from bench.training import cuda_graph

    for plugin in context.plugins:
        install(plugin)
    threads = trial.spec["threads"]
    torch.set_num_threads(threads)
    memory.hoard()
    steps = cuda_graph.chosen(trial.spec, torch.device(place.device), context.eager)
    environment = describe(steps.device, threads, place.concurrent, context.git)
    environment |= {"node": place.node, "data": str(context.inputs.data), "replayed": steps.replayed}
    ending = Ending("failed", "it was interrupted")
    try:
        ending = yield from _attempt(trial, context, inputs, steps, environment)
    finally:
        # Collecting takes a fifth of a second: after a training that ended well, only a GPU's memory is worth it.
        if ending.state != "done" or torch.cuda.is_initialized():
            memory.release()
    yield {"kind": "end", "state": ending.state, "reason": ending.reason}


@dataclass(frozen=True)
class Ending:
    """How an attempt ended: done, diverged or failed, the reason in a line and, if any, the traceback.

    stale: another version of the project began it, which alone can go on.
    """

    state: str
    reason: str | None = None
    error: str | None = None
    stale: bool = False


def _attempt(
    trial: Trial, context: Context, inputs: Inputs, steps: "Steps", environment: dict[str, Any]
) -> Generator[Event, None, Ending]:
    """Claim the trial, train it, note how that ended. Where it cannot be noted (a full disk), it is only told."""
    from bench.store.folders import Superseded, TrialFolder

    folder, ending = TrialFolder(context.trials / trial.name), Ending("done")
    try:
        token = folder.claim(trial.document, environment)
        try:
            yield from _train(trial, context, inputs, steps, token)
        except Superseded:
            raise
        except Exception as error:
            ending = _ending(error)
        folder.finish(token, ending.state, ending.reason, ending.error, ending.stale)
    except RunError as error:
        return Ending("failed", ending.reason or str(error))
    except Superseded as error:
        return Ending("taken over", str(error))  # nothing of it is this run's any more
    return ending


def _ending(error: Exception) -> Ending:
    """What the exception that ended an attempt makes of its trial."""
    from bench.runtime import memory
    from bench.training.divergence import Diverged
    from bench.training.trainer import OtherVersion

    if isinstance(error, Diverged):
        return Ending("diverged", str(error))
    if isinstance(error, UserError):
        return Ending("failed", str(error), stale=isinstance(error, OtherVersion))
    whose = memory.exhausted(error)
    said = f"{type(error).__name__}: {reason(error)}"
    if whose:
        said = f"not enough memory on the {whose}: {MORE_MEMORY[whose]}; --retry-failed runs it again"
    return Ending("failed", said, traceback.format_exc())


def _train(trial: Trial, context: Context, inputs: Inputs, steps: "Steps", token: str) -> Iterator[Event]:
    from bench.data.preparation import Prepared
    from bench.evaluation import extractors
    from bench.evaluation.evaluator import Evaluator
    from bench.evaluation.reference import References
    from bench.experiment.settings import Evaluation
    from bench.io.files import Folder
    from bench.store.folders import TrialFolder
    from bench.training.trainer import Trainer

    folder, data = TrialFolder(context.trials / trial.name), Prepared(inputs.data)
    evaluation = Evaluation.model_validate(trial.spec["evaluation"])
    extractor = extractors.load(Folder(inputs.extractor), evaluation, inputs.inception, context.extractor_sha256)
    device = steps.device
    references = References(Folder(inputs.features), extractor.to(device), data, device)
    evaluator = Evaluator(references, evaluation)

    def save(checkpoint: bytes, rows: list[dict[str, Any]], pictures: dict[str, bytes]) -> None:
        folder.save(token, checkpoint, rows, pictures)

    trainer = Trainer(trial.spec, data, evaluator, save, device, context.checkpoint_seconds, steps.graph())
    checkpoint, damage = folder.checkpoint()
    if checkpoint:
        trainer.restore(checkpoint)
        folder.save_rows(trainer.state.rows)
    folder.resumed(token, trainer.state.step)
    warnings = [warning for warning in (damage, steps.slower) if warning]
    yield {"kind": "start", "step": trainer.state.step, "steps": trainer.total_steps, "warnings": warnings}
    yield from trainer.run()
