"""How a worker trains one trial. All executors share this module."""

import traceback
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import torch

from bench.contract import Outcome, judge
from bench.contract.subject import Subject
from bench.data.prepared import Prepared
from bench.errors import RunError, UserError, reason
from bench.executors.base import MORE_MEMORY, Context, Inputs, Place
from bench.executors.evaluating import load_evaluator, set_up
from bench.experiment.specification import Trial, TrialSpec
from bench.runtime import memory, torch_state
from bench.runtime.code_location import location
from bench.runtime.environment import describe
from bench.runtime.signals import Interrupted
from bench.store.documents import Ending, Environment
from bench.store.states import State
from bench.store.trial_folder import Row, Superseded, TrialFolder
from bench.training.checkpoint import OtherVersion
from bench.training.cuda_graph import CudaGraph
from bench.training.divergence import Diverged
from bench.training.evaluations import Beside
from bench.training.events import Ended, Event, Started
from bench.training.optimisers import is_replayable
from bench.training.trainer import Trainer
from methods import METHODS


@dataclass(frozen=True)
class StepMode:
    """How a trial runs its steps.

    Attributes:
        replayed: whether steps are replayed as a CUDA graph.
        warning: why steps are not replayed, although the device is a GPU.
    """

    device: torch.device
    replayed: bool = False
    warning: str | None = None

    def graph(self) -> CudaGraph | None:
        """Return a new recorder for one training; None if steps are not replayed."""
        return CudaGraph(self.device) if self.replayed else None


def choose_step_mode(spec: TrialSpec, device: torch.device, eager: bool) -> StepMode:
    """Choose to replay steps if the device is a GPU and the method can be replayed.

    The method is checked on the CPU with tiny networks, because a CUDA graph silently replays stale Python values.
    """
    if eager or device.type != "cuda":
        return StepMode(device)
    if not is_replayable(spec.training):
        slower = "its steps cannot be replayed as a CUDA graph, which is slower"
        return StepMode(device, warning=f"{spec.training.optimiser}: {slower}")
    subject = Subject(METHODS[spec.method], spec.prior, tuple(spec.hyperparameters.items()))
    try:
        verdicts = [judge(check, subject) for check in ("waiting", "replays")]
        reasons = [verdict.reason for verdict in verdicts if verdict.outcome is Outcome.broken]
    except RuntimeError as error:  # a GPU left broken by another trial; the training will fail with the same error
        reasons = [reason(error)]
    if reasons:
        message = f"{spec.method}: its steps are not replayed as a CUDA graph, which is slower"
        return StepMode(device, warning=f"{message}: {reasons[0]}")
    return StepMode(device, replayed=True)


def run_trial(
    trial: Trial, context: Context, inputs: Inputs, place: Place, beside: Beside | None = None
) -> Iterator[Event]:
    """Train one trial from its last checkpoint, and record how it ended. Errors become the trial's ending.

    Args:
        trial: what to train.
        context: what all trials of the run share.
        inputs: the inputs on this node: those of the context, or copies.
        place: where the trial runs.
        beside: runs evaluations beside the training, if anything does.
    """
    set_up(trial.spec, context)
    mode = choose_step_mode(trial.spec, torch.device(place.device), context.eager)
    ending = Ending(State.failed, "it was interrupted")
    try:
        environment = _environment(trial, context, mode, place)
        ending = yield from _attempt(trial, context, inputs, mode, environment, beside)
    finally:
        # Garbage collection takes 0.2 s. After a successful training, only GPU memory is worth that time.
        if ending.state is not State.done or torch.cuda.is_initialized():
            memory.release()
    changed = torch_state.restore()
    message = f"{trial.spec.method} leaves global settings of torch changed ({', '.join(changed)}); they are restored"
    yield Ended(ending.state, ending.reason, (message,) if changed else ())


def _environment(trial: Trial, context: Context, mode: StepMode, place: Place) -> Environment:
    facts = describe(mode.device, trial.spec.threads, place.concurrent, context.git.model_dump())
    more = {"node": place.node, "data": str(context.inputs.data), "replayed": mode.replayed}
    return Environment.model_validate(facts | more)


def _attempt(
    trial: Trial, context: Context, inputs: Inputs, mode: StepMode, environment: Environment, beside: Beside | None
) -> Generator[Event, None, Ending]:
    """Claim the trial, train it, and record its ending. If that fails (a full disk), the ending is only returned."""
    folder, ending = TrialFolder(context.trials / trial.name), Ending(State.done)
    try:
        token = folder.claim(trial, environment)
        try:
            yield from _contained(_train(trial, context, inputs, mode, token, beside))
        except Superseded:
            raise
        except Exception as error:
            ending = _ending(error)
        folder.end(trial, ending, token)
    except RunError as error:
        return Ending(State.failed, ending.reason or str(error))
    except Superseded as error:
        return Ending(State.taken_over, str(error))  # another run has claimed the folder
    return ending


def _contained(events: Iterator[Event]) -> Iterator[Event]:
    """Yield the events. If a method raises SystemExit, KeyboardInterrupt or GeneratorExit, raise RuntimeError instead.

    These exceptions would end the process, or the loop over trials, in silence. A real Ctrl-C is an `Interrupted`.
    """
    while True:
        try:
            event = next(events)
        except StopIteration:
            return
        except Interrupted:
            raise
        except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
            raise RuntimeError(f"the method raised {type(error).__name__}, which would end the process") from error
        yield event


def _ending(error: Exception) -> Ending:
    """Return the ending that an exception causes."""
    if isinstance(error, Diverged):
        return Ending(State.diverged, str(error))
    if isinstance(error, UserError):
        return Ending(State.failed, str(error), stale=isinstance(error, OtherVersion))
    device = memory.exhausted(error)
    message = f"{type(error).__name__}{location(error)}: {reason(error)}"
    if device:
        message = f"not enough memory on the {device}: {MORE_MEMORY[device]}; --retry-failed runs it again"
    return Ending(State.failed, message, traceback.format_exc())


def _train(
    trial: Trial, context: Context, inputs: Inputs, mode: StepMode, token: str, beside: Beside | None
) -> Iterator[Event]:
    folder, data, spec = TrialFolder(context.trials / trial.name), Prepared(inputs.data), trial.spec
    evaluator = load_evaluator(spec, context, inputs, mode.device)

    def save(checkpoint: bytes, rows: list[Row], pictures: dict[str, bytes]) -> None:
        if trainer.evaluated_beside:
            folder.note_evaluated_beside(token)
        folder.save(token, checkpoint, rows, pictures)

    seconds = context.checkpoint_seconds
    trainer = Trainer(spec, data, evaluator, save, mode.device, seconds, mode.graph(), beside)
    checkpoint, damage = folder.checkpoint()
    if checkpoint:
        trainer.restore(checkpoint)
        folder.save_rows(token, trainer.state.rows)
    folder.resumed(token, trainer.state.step)
    warnings = tuple(warning for warning in (damage, mode.warning) if warning)
    yield Started(trainer.state.step, trainer.budget.steps, warnings)
    yield from trainer.run()
