"""Early stopping for searches (`bench.run --scheduler asha`)."""

from typing import Any

from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

from bench.experiment.labels import split_label
from bench.experiment.specification import Trial


class Asha(FIFOScheduler):
    """ASHA (Li et al., arXiv 1810.05934) for each variant apart: methods do not compete for their budgets.

    Rungs stand at 1/9 and 1/3 of the training; at each, a third goes on. What is stopped depends on the order in which
    trials come by, so a search that was interrupted need not stop the same ones.
    """

    def __init__(self, trials: dict[str, Trial]) -> None:
        super().__init__()
        self.variants = {id: split_label(trial.label)[0] for id, trial in trials.items()}
        epochs = next(iter(trials.values())).spec.training.epochs
        # Below `epochs`, or there would be a rung at the end, where nothing is left to save.
        options = {"time_attr": "epoch", "metric": "score", "mode": "min", "max_t": 0.9 * epochs}
        options |= {"grace_period": epochs / 9, "reduction_factor": 3, "stop_last_trials": False}
        self.of = {variant: ASHAScheduler(**options) for variant in dict.fromkeys(self.variants.values())}

    def _own(self, trial: Any) -> ASHAScheduler:
        return self.of[self.variants[trial.config["id"]]]

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        self._own(trial).on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, object]) -> str:
        return self._own(trial).on_trial_result(tune_controller, trial, result)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, object]) -> None:
        self._own(trial).on_trial_complete(tune_controller, trial, result)
