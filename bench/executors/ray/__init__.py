"""Ray Tune places, schedules and retries trials. The only folder that imports ray; Tune is not the store.

Tune's own results lag behind and repeat rows after a retry, so everything that counts is written by `run_trial` into
trial folders, and Tune's folder is thrown away at the end.
"""

import os
import shutil
from dataclasses import dataclass

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
from bench.executors.ray.private import patch
from bench.executors.run_trial import run_trial
from bench.experiment.specification import Trial
from bench.store.states import State
from bench.training.events import Ended, Evaluated, Event, OnEvent

patch()


def check(resources: Resources) -> None:
    """Refuse resources that the cluster at `resources.address` cannot give one trial."""
    connect(resources)
    fit(resources, trials=1)


def run(trials: list[Trial], context: Context, resources: Resources, on_event: OnEvent) -> None:
    """Run the trials on a local cluster or, with `resources.address`, on an existing one.

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
                # The thread of a stopped trial runs on in its worker for a while, which must not begin another trial.
                reuse_actors=scheduler is None,
                # A cluster may grow during the run, so only the user's limit restricts the number of its trials.
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
        _report_rest(trials, reasons(tuner.fit()), relay, stopped=scheduler is not None)
    finally:
        ray.shutdown()
        shutil.rmtree(scratch, ignore_errors=True)


@dataclass(frozen=True)
class Work:
    """What every worker is sent once: all trials by id, and how a node gets their inputs."""

    trials: dict[str, Trial]
    context: Context
    served: Served | None
    at_once: int


def _trainable(config: dict[str, str], work: Work) -> None:
    # Ray does not hide GPUs from a trial that was given none, so ask which were given.
    device = "cuda:0" if ray.get_gpu_ids() else "cpu"
    place = Place(device, work.at_once, ray.get_runtime_context().get_node_id())
    inputs = work.served.inputs(work.context) if work.served else work.context.inputs
    for event in run_trial(work.trials[config["id"]], work.context, inputs, place):
        tune.report(report_of(event))


def report_of(event: Event) -> dict[str, object]:
    """The event as Tune takes it. Its schedulers look for "epoch" and "score" beside the event."""
    report: dict[str, object] = {"event": event}
    if isinstance(event, Evaluated):
        report |= {"epoch": event.position.epoch, "score": event.score}
    return report


def _report_rest(trials: list[Trial], causes: dict[str, str], relay: Relay, stopped: bool) -> None:
    """Report how those trials ended that could not report it: the scheduler stopped them, or they were lost."""
    for trial in (trial for trial in trials if trial.id not in relay.ended):
        if stopped and trial.id not in causes:
            relay.on_event(trial.id, Ended(State.stopped, "behind the others (asha)"))
            continue
        reason = f"lost {RETRIES + 1} times without getting on: {causes.get(trial.id, 'Ray gave no reason')}"
        if trial.id not in relay.reached:
            reason += "; it never began: have all nodes the requirements?"
        relay.on_event(trial.id, Ended(State.failed, reason))
