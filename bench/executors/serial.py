"""The serial executor: one trial after another in this process, for debugging, tests and machines without Ray."""

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
    for trial in trials:
        for event in run_trial(trial, context, context.inputs, Place(device)):
            on_event(trial.id, event)
