"""Ray Tune places, schedules and retries trials. The only folder that imports ray; Tune is not the store.

Tune's own results lag behind and repeat rows after a retry, so everything that counts is written by `run_trial` into
trial folders, and Tune's folder is thrown away at the end.
"""

import os
import shutil
from dataclasses import dataclass
from typing import Any

# ruff: noqa: E402
# Read when ray is imported, or passed on to its workers.
for _name, _value in {
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is bench.run's: Tune would return as if all had gone well
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output engine prints a box even when told to be silent
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a scheduler's score is in the rows alone, not in every event
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}.items():
    os.environ.setdefault(_name, _value)

import ray
from ray import tune

from bench.executors.base import Context, Place, Resources
from bench.executors.ray.asha import Asha
from bench.executors.ray.cluster import Served, connect, fit, serve
from bench.executors.ray.losses import RETRIES, Relay, reasons
from bench.executors.run_trial import run_trial
from bench.experiment.trials import Trial
from bench.store.folders import TrialFolder
from bench.training.events import OnEvent


def check(resources: Resources) -> None:
    """Refuse what the cluster that `resources.address` names cannot give one trial."""
    connect(resources)
    fit(resources, trials=1)


def run(trials: list[Trial], context: Context, resources: Resources, on_event: OnEvent) -> None:
    """Run the trials on a local or, with `resources.address`, an existing cluster.

    Raises:
        RunError: the cluster cannot be reached or is too small for one trial.
    """
    scratch = context.inputs.extractor.parent / ".ray"
    try:
        if not ray.is_initialized():
            connect(resources)
        gpus, at_once = fit(resources, len(trials))
        served = serve(context, scratch) if resources.address else None
        scheduler = Asha({trial.id: trial for trial in trials}) if resources.scheduler == "asha" else None
        relay = Relay(on_event)
        tuner = tune.Tuner(
            tune.with_resources(
                tune.with_parameters(_trainable, work=Work({t.id: t for t in trials}, context, served, at_once)),
                tune.PlacementGroupFactory([{"CPU": resources.cpus, "GPU": gpus, **resources.custom}]),
            ),
            param_space={"id": tune.grid_search([trial.id for trial in trials])},
            tune_config=tune.TuneConfig(
                scheduler=scheduler,
                # A stopped trial's thread goes on in its worker for a while, which must then not begin another.
                reuse_actors=scheduler is None,
                # A cluster may grow while the run goes on, so only what was asked for limits the number of its trials.
                max_concurrent_trials=resources.max_concurrent if resources.address else at_once,
                trial_dirname_creator=lambda trial: trial.config["id"],
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=str(scratch),
                verbose=0,
                callbacks=[relay],
                failure_config=tune.FailureConfig(max_failures=RETRIES),
            ),
        )
        _tell_rest(trials, reasons(tuner.fit()), relay, context, stopped=scheduler is not None)
    finally:
        ray.shutdown()
        shutil.rmtree(scratch, ignore_errors=True)


@dataclass(frozen=True)
class Work:
    """What every worker is sent once: all trials by id, and how a node comes by what they read."""

    trials: dict[str, Trial]
    context: Context
    served: Served | None
    at_once: int


def _trainable(config: dict[str, Any], work: Work) -> None:
    # Ray does not hide GPUs from a trial that was given none, so ask what was given.
    device = "cuda:0" if ray.get_gpu_ids() else "cpu"
    place = Place(device, work.at_once, ray.get_runtime_context().get_node_id())
    inputs = work.served.inputs(work.context) if work.served else work.context.inputs
    for event in run_trial(work.trials[config["id"]], work.context, inputs, place):
        tune.report(event)


def _tell_rest(trials: list[Trial], why: dict[str, str], relay: Relay, context: Context, stopped: bool) -> None:
    """Tell how those ended that could not tell it themselves: stopped by the scheduler, or lost."""
    for trial in (trial for trial in trials if trial.id not in relay.ended):
        if stopped and trial.id not in why:
            TrialFolder(context.trials / trial.name).stop("behind the others (asha)")
            relay.on_event(trial.id, {"kind": "end", "state": "stopped", "reason": None})
            continue
        reason = f"lost {RETRIES + 1} times without getting on: {why.get(trial.id, 'Ray gave no reason')}"
        if trial.id not in relay.reached:
            reason += "; it never began: have all nodes the requirements?"
        relay.on_event(trial.id, {"kind": "end", "state": "failed", "reason": reason})
