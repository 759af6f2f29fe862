"""The Ray executor: Ray Tune places, schedules and retries trials. Only this package imports ray.

Results are not read from Tune, because its own lag behind and repeat rows after a retry. `run_trial` writes results to
the trial folders, and Tune's folder is deleted at the end.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

# ruff: noqa: E402
# Ray reads these when it is imported, or passes them to its workers.
for _name, _value in {
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # bench.run handles Ctrl-C; Tune would return normally
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output engine prints a box even with verbose=0
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # results are not read from Tune's files
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # only `Evaluated` events have the score that a scheduler needs
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    # Tune's trials have variables of their own, so they never get a worker that was started in advance.
    "RAY_prestart_worker_first_driver": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}.items():
    os.environ.setdefault(_name, _value)

import ray
from ray import tune

from bench.executors.base import Context, Place, Resources
from bench.executors.evaluating import Task
from bench.executors.ray.asha import Asha
from bench.executors.ray.beside import Idleness, RayBeside
from bench.executors.ray.cluster import InputSource, connect, fit, serve_inputs
from bench.executors.ray.lost_trials import RETRIES, Relay, reasons
from bench.executors.ray.private import patch
from bench.executors.ray.watch import watched
from bench.executors.run_trial import run_trial
from bench.experiment.specification import Trial
from bench.store.states import State
from bench.training.events import Ended, Evaluated, Event, OnEvent

patch()


def check(resources: Resources) -> None:
    """Check that the cluster at `resources.address` answers and has the resources for one trial.

    Raises:
        UserError: the address is of Ray Client.
        RunError: no cluster answers, or a trial does not fit on any node.
    """
    connect(resources)
    fit(resources, trials=1)


def run(trials: list[Trial], context: Context, resources: Resources, on_event: OnEvent) -> None:
    """Run the trials on a local cluster or, with `resources.address`, on an existing one.

    Raises:
        RunError: the cluster cannot be reached, is too small for one trial, or has a node without shared storage.
    """
    scratch = context.inputs.extractor.parent / ".ray"
    try:
        if not ray.is_initialized():
            connect(resources)
        gpus, at_once = fit(resources, len(trials))
        source = serve_inputs(context, scratch) if resources.address else None
        scheduler = Asha({trial.id: trial for trial in trials}) if resources.scheduler == "asha" else None
        relay = Relay(on_event)
        folder = None if resources.address else str(Path.cwd())
        idleness = Idleness.allowed(resources)
        work = Work({trial.id: trial for trial in trials}, context, source, at_once, folder, idleness)
        tuner = tune.Tuner(
            tune.with_resources(
                tune.with_parameters(_trainable, work=work),
                tune.PlacementGroupFactory([{"CPU": resources.cpus, "GPU": gpus, **resources.custom}]),
            ),
            param_space={"id": tune.grid_search([trial.id for trial in trials])},
            tune_config=tune.TuneConfig(
                scheduler=scheduler,
                # The thread of a stopped trial keeps running for a while, so its worker must not start another trial.
                reuse_actors=scheduler is None,
                # A cluster may grow during the run, so only the user's own limit applies to it.
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
        with watched():
            _report_rest(trials, reasons(tuner.fit()), relay, stopped=scheduler is not None)
    finally:
        ray.shutdown()
        shutil.rmtree(scratch, ignore_errors=True)


@dataclass(frozen=True)
class Work:
    """The data that every worker receives once.

    Attributes:
        trials: all trials by id.
        context: what they share.
        source: how a node of a cluster gets the inputs; None on this machine.
        at_once: trials that run at a time.
        folder: the driver's working folder, for files that plug-ins open; None on a cluster.
        idleness: when evaluations run beside trainings; None for never.
    """

    trials: dict[str, Trial]
    context: Context
    source: InputSource | None
    at_once: int
    folder: str | None
    idleness: Idleness | None


def _trainable(config: dict[str, str], work: Work) -> None:
    if work.folder is not None:
        os.chdir(work.folder)
    # GPUs stay visible to a trial that requested none, so ask Ray which GPUs it has assigned.
    device = "cuda:0" if ray.get_gpu_ids() else "cpu"
    node, trial = ray.get_runtime_context().get_node_id(), work.trials[config["id"]]
    inputs = work.source.local_inputs(work.context) if work.source else work.context.inputs
    beside = None
    if work.idleness and device == "cpu":
        beside = RayBeside(Task(trial.spec, work.context, inputs), work.idleness, node, work.folder)
    for event in run_trial(trial, work.context, inputs, Place(device, work.at_once, node), beside):
        tune.report(report_of(event))


def report_of(event: Event) -> dict[str, object]:
    """Return the event as a report to Tune. Tune's schedulers read "fraction" and "score"."""
    report: dict[str, object] = {"event": event}
    if isinstance(event, Evaluated):
        report |= {"fraction": event.fraction, "score": event.score}
    return report


def _report_rest(trials: list[Trial], causes: dict[str, str], relay: Relay, stopped: bool) -> None:
    """Report the end of trials that could not report it themselves: stopped by the scheduler, or lost."""
    for trial in (trial for trial in trials if trial.id not in relay.ended):
        if stopped and trial.id not in causes:
            relay.on_event(trial.id, Ended(State.stopped, "stopped early by asha: it was behind other trials"))
            continue
        reason = f"lost {RETRIES + 1} times without progress: {causes.get(trial.id, 'Ray gave no reason')}"
        if trial.id not in relay.reached:
            reason += "; it never started: are all requirements installed on every node?"
        relay.on_event(trial.id, Ended(State.failed, reason))
