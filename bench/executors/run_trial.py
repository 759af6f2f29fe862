"""What one trial does, the same in all executors."""

import traceback
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from bench.contract import Outcome, judge
from bench.contract.subject import Subject
from bench.errors import RunError, UserError, reason
from bench.executors.base import MORE_MEMORY, Context, Inputs, Place
from bench.experiment.trials import Trial
from bench.training.cuda_graph import CudaGraph
from bench.training.events import Event
from methods import METHODS


@dataclass(frozen=True)
class Steps:
    """How a trial takes its steps: on which device, whether they are replayed, and why not where they could be."""

    device: torch.device
    replayed: bool = False
    slower: str | None = None

    def graph(self) -> CudaGraph | None:
        return CudaGraph(self.device) if self.replayed else None


def chosen(spec: dict[str, Any], device: torch.device, eager: bool) -> Steps:
    """Replayed ones on a GPU, unless the method would not bear it.

    The method is tried on the CPU, with tiny networks: a CUDA graph would not notice that it should have changed.
    """
    if eager or device.type != "cuda":
        return Steps(device)
    subject = Subject(METHODS[spec["method"]], spec["prior"], tuple(spec["hyperparameters"].items()))
    try:
        verdicts = [judge(check, subject) for check in ("waiting", "replays")]
        why = [verdict.reason for verdict in verdicts if verdict.outcome is Outcome.broken]
    except RuntimeError as error:  # a GPU that another trial has broken: the training will say so too
        why = [reason(error)]
    if why:
        named = f"{spec['method']}: its steps are not replayed as a CUDA graph, which is slower"
        return Steps(device, slower=f"{named}: {why[0]}")
    return Steps(device, replayed=True)


def run_trial(trial: Trial, context: Context, inputs: Inputs, place: Place) -> Iterator[Event]:
    """Train one trial from its last checkpoint and note how it ended. Whatever goes wrong ends only its trial.

    inputs: the context's, or a copy of them.
    """
    import torch

    from bench.experiment.plugins import install
    from bench.runtime import memory
    from bench.runtime.environment import describe

    pass

    for plugin in context.plugins:
        install(plugin)
    threads = trial.spec["threads"]
    torch.set_num_threads(threads)
    memory.hoard()
    steps = chosen(trial.spec, torch.device(place.device), context.eager)
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
    from bench.training.checkpoint import OtherVersion
    from bench.training.divergence import Diverged

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
    from bench.data.prepared import Prepared
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
