"""Executors run trials and tell progress. What one trial does is the same in all of them: `run_trial`."""

import os
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import RunError, UserError
from bench.plugins import Packaged, Plugin
from bench.trials import Trial

Event = dict[str, Any]  # {"kind": "start", "progress", "evaluating", "row" or "end", ...}: plain numbers and strings
OnEvent = Callable[[str, Event], None]  # trial id, event


@dataclass(frozen=True)
class Context:
    """What all trials of a run share. Paths are absolute: a worker has a working directory of its own."""

    experiment: Path
    data: Path
    features: Path  # where what extractors say of the real images is kept
    inception: Path | None  # its weights
    extractor_sha256: str
    plugins: tuple[Plugin | Packaged, ...]
    checkpoint_seconds: float
    git: dict[str, Any]


@dataclass(frozen=True)
class Resources:
    """What a trial is given. `gpus` None: one, where the cluster or machine has any."""

    cpus: int = 1
    gpus: float | None = None
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
        RunError: too many CPUs or GPUs.
    """
    import torch

    asked = {"CPUs": resources.cpus, "GPUs": resources.gpus or 0}
    there = {"CPUs": os.cpu_count() or 1, "GPUs": torch.cuda.device_count()}
    for kind, number in asked.items():
        if number > there[kind]:
            option = f"--{kind.lower()}-per-trial"
            raise RunError(f"a trial asks for {number:g} {kind}, but this machine has {there[kind]}; lower {option}")


def run_trial(trial: Trial, context: Context, device: str, concurrent: int) -> Iterator[Event]:
    """Train one trial from its last checkpoint and note how it ended. A method's own error ends only its trial."""
    import torch

    from bench.environment import describe
    from bench.plugins import install
    from bench.store import ExperimentFolder, Superseded
    from bench.train import Diverged

    for plugin in context.plugins:
        install(plugin)
    threads = trial.spec["threads"]
    torch.set_num_threads(threads)
    folder = ExperimentFolder(context.experiment).trial(trial.name)
    environment = describe(torch.device(device), threads, concurrent, context.git) | {"data": str(context.data)}
    token = folder.claim(trial.document, environment)
    state, reason, error_text = "done", None, None
    try:
        yield from _train(trial, context, torch.device(device), token)
    except Diverged as error:
        state, reason = "diverged", str(error)
    except Superseded:
        raise
    except Exception as error:
        said = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        state, reason = "failed", said.splitlines()[0]
        error_text = None if isinstance(error, UserError) else traceback.format_exc()
    folder.finish(token, state, reason, error_text)
    yield {"kind": "end", "state": state, "reason": reason}


def _train(trial: Trial, context: Context, device: Any, token: str) -> Iterator[Event]:
    from bench.config import Evaluation
    from bench.data import Prepared
    from bench.evaluation import extractors
    from bench.evaluation.evaluator import Evaluator
    from bench.evaluation.reference import References
    from bench.files import Folder
    from bench.store import ExperimentFolder
    from bench.train import Trainer

    experiment = ExperimentFolder(context.experiment)
    folder, data = experiment.trial(trial.name), Prepared(context.data)
    evaluation = Evaluation.model_validate(trial.spec["evaluation"])
    extractor = extractors.load(experiment.extractor, evaluation, context.inception, context.extractor_sha256)
    references = References(Folder(context.features), extractor.to(device), data, device)
    evaluator = Evaluator(references, evaluation)

    def save(checkpoint: bytes, rows: list[dict[str, Any]], pictures: dict[str, bytes]) -> None:
        folder.save(token, checkpoint, rows, pictures)

    trainer = Trainer(trial.spec, data, evaluator, save, device, context.checkpoint_seconds)
    checkpoint, warning = folder.checkpoint()
    if checkpoint:
        trainer.restore(checkpoint)
        folder.save_rows(trainer.state.rows)
    folder.resumed(token, trainer.state.step)
    yield {"kind": "start", "step": trainer.state.step, "steps": trainer.total_steps, "warning": warning}
    yield from trainer.run()
