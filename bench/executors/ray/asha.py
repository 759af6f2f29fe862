"""Early stopping for searches (`bench.run --scheduler asha`)."""

from typing import Any

from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

from bench.experiment.labels import split_label
from bench.experiment.specification import Trial


class Asha(FIFOScheduler):
    """One ASHA scheduler (Li et al., arXiv 1810.05934) per variant, so methods do not compete for budget.

    The rungs are at 1/9 and 1/3 of the training. At each rung, the best third continues. Which trials are stopped
    depends on the order in which they reach a rung, so an interrupted search may stop others than an undisturbed one.
    """

    def __init__(self, trials: dict[str, Trial]) -> None:
        super().__init__()
        self.variants = {id: split_label(trial.label)[0] for id, trial in trials.items()}
        # max_t is below 1, to avoid a rung at the end of the training, which could save nothing.
        options = {"time_attr": "fraction", "metric": "score", "mode": "min", "max_t": 0.9}
        options |= {"grace_period": 1 / 9, "reduction_factor": 3, "stop_last_trials": False}
        self.schedulers = {variant: ASHAScheduler(**options) for variant in dict.fromkeys(self.variants.values())}

    def _scheduler(self, trial: Any) -> ASHAScheduler:
        return self.schedulers[self.variants[trial.config["id"]]]

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Add a trial to the scheduler of its variant."""
        self._scheduler(trial).on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, object]) -> str:
        """Return the decision of the variant's scheduler: whether the trial continues."""
        return self._scheduler(trial).on_trial_result(tune_controller, trial, result)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, object]) -> None:
        """Report a finished trial to the scheduler of its variant."""
        self._scheduler(trial).on_trial_complete(tune_controller, trial, result)
