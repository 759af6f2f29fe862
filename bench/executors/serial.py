"""The serial executor: one trial after another in this process, for debugging, tests and machines without Ray."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from bench.errors import UserError
from bench.executors.base import Context, Place, Resources, check_machine
from bench.experiment.specification import Trial
from bench.training.events import OnEvent


def check(resources: Resources) -> None:
    """Check that this machine has the resources, and that none needs a cluster or Ray Tune.

    Raises:
        UserError: an option needs a cluster or Ray Tune.
        RunError: this machine has too few CPUs or GPUs.
    """
    if resources.address:
        raise UserError("--executor serial runs on this machine only; leave out --address, or use --executor ray")
    if resources.scheduler != "none":
        raise UserError(f"--scheduler {resources.scheduler} needs Ray Tune; use it with --executor ray")
    check_machine(resources)


def run(trials: list[Trial], context: Context, resources: Resources, on_event: OnEvent) -> None:
    """Run the trials in order."""
    import torch

    from bench.executors.run_trial import run_trial  # imports torch and the methods, which a dry run does not need

    device = "cuda" if torch.cuda.is_available() and resources.gpus != 0 else "cpu"
    with _exit_raises():
        for trial in trials:
            for event in run_trial(trial, context, context.inputs, Place(device)):
                on_event(trial.id, event)


@contextmanager
def _exit_raises() -> Iterator[None]:
    """Make `os._exit` raise SystemExit in this process, so that a method which calls it fails its own trial only."""
    leave, process = os._exit, os.getpid()

    def raise_or_leave(status: int) -> NoReturn:
        if os.getpid() == process:
            raise SystemExit(status)
        leave(status)  # a forked child

    os._exit = raise_or_leave
    try:
        yield
    finally:
        os._exit = leave
