"""One trial after another in this process: for debugging, tests, and machines without ray."""

from bench.executors import Context, OnEvent, Resources, run_trial
from bench.trials import Trial


def run(trials: list[Trial], context: Context, resources: Resources, on_event: OnEvent) -> None:
    import torch

    device = "cuda" if torch.cuda.is_available() and resources.gpus != 0 else "cpu"
    for trial in trials:
        for event in run_trial(trial, context, device, concurrent=1):
            on_event(trial.id, event)
