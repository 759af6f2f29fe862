"""Ray Tune places, schedules and retries trials. The only file that imports ray; Tune is not the store.

Tune's own results lag behind and repeat rows after a retry, so everything that counts is written by `run_trial` into
trial folders, and Tune's folder is thrown away at the end.
"""

import logging
import os
import shutil
import socket
from pathlib import Path
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
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

from bench.config import ROOT
from bench.errors import RunError, UserError
from bench.executors import Context, Event, OnEvent, Resources, check_machine, run_trial
from bench.plugins import shipped
from bench.search import split_label
from bench.store import FINAL, ExperimentFolder
from bench.trials import Trial

CONNECT_SECONDS = 5.0
RETRIES = 3  # of a trial whose worker or node was lost


def check(resources: Resources) -> None:
    """Refuse what this machine, or the cluster that `resources.address` names, cannot give one trial."""
    if not resources.address:
        check_machine(resources)  # without starting Ray, which takes seconds
        return
    _connect(resources)
    _fit(resources, trials=1)


def run(trials: list[Trial], context: Context, resources: Resources, on_event: OnEvent) -> None:
    """Run the trials on a local or, with `resources.address`, an existing cluster.

    Raises:
        RunError: the cluster cannot be reached or is too small for one trial.
    """
    scratch = context.experiment / ".ray"
    try:
        if not ray.is_initialized():
            _connect(resources)
        gpus, concurrent = _fit(resources, len(trials))
        per_trial = {"CPU": resources.cpus, "GPU": gpus}
        scheduler = Asha({trial.id: trial for trial in trials}) if resources.scheduler == "asha" else None
        _tune(trials, context, per_trial, concurrent, scratch, on_event, scheduler)
    finally:
        ray.shutdown()
        shutil.rmtree(scratch, ignore_errors=True)


def _probe(address: str) -> None:
    """Fail within seconds where ray.init would try a dead address for minutes."""
    if address.startswith("ray://"):
        raise UserError("a Ray Client address cannot be used; run this on a node of the cluster, with --address auto")
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdigit()):
        return
    try:
        with socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS) as connection:
            # A cluster speaks gRPC: HTTP/2, whose servers answer this preface with their settings (RFC 9113, 3.4).
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
            frame = connection.recv(9)
    except OSError as error:
        found = str(error)
    else:
        if frame[3:4] == b"\x04" or os.environ.get("RAY_USE_TLS") == "1":
            return
        found = "something else listens there"
    hint = "see `ray status` on its head node"
    raise RunError(f"no Ray cluster answers at {address} ({found}); {hint}")


def _connect(resources: Resources) -> None:
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False, "include_dashboard": False}
    if resources.address:
        _probe(resources.address)
        # Ray takes an empty list of modules for one without an address, and never starts a worker.
        modules = shipped()
        environment = {"working_dir": str(ROOT)} | ({"py_modules": modules} if modules else {})
        options |= {"address": resources.address, "runtime_env": environment}
        del options["include_dashboard"]
    else:
        # "local": never a cluster that happens to run here or that RAY_ADDRESS names.
        # Images are memory-mapped files, so the object store needs next to nothing.
        options |= {"address": "local", "object_store_memory": 100 * 2**20}
    try:
        ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = f"the Ray cluster at {resources.address}" if resources.address else "Ray on this machine"
        raise RunError(f"cannot start on {where}: {str(error).splitlines()[0]}") from error


def _fit(resources: Resources, trials: int) -> tuple[float, int]:
    """GPUs for a trial, and how many trials run at a time. A trial must fit on one node."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    gpus = resources.gpus if resources.gpus is not None else float(any(node.get("GPU") for node in nodes))
    places = sum(_places(node, resources.cpus, gpus) for node in nodes)
    if not places:
        largest = max(nodes, key=lambda node: (node.get("GPU", 0), node.get("CPU", 0)))
        raise RunError(
            f"a trial asks for {resources.cpus} CPUs and {gpus:g} GPUs, but the largest of {len(nodes)} nodes has "
            f"{largest.get('CPU', 0):g} and {largest.get('GPU', 0):g}; lower --cpus-per-trial or --gpus-per-trial"
        )
    return gpus, min(places, trials, resources.max_concurrent or trials)


def _places(node: dict[str, float], cpus: int, gpus: float) -> int:
    """How many trials fit on a node at a time."""
    by_cpu = int(node.get("CPU", 0) // cpus)
    if not gpus:
        return by_cpu
    # Ray puts a trial with a fraction of a GPU on one GPU, and one with several on as many whole ones.
    by_gpu = node.get("GPU", 0) * int(1 / gpus + 1e-9) if gpus < 1 else node.get("GPU", 0) // gpus
    return min(by_cpu, int(by_gpu))


def _tune(
    trials: list[Trial],
    context: Context,
    per_trial: dict[str, float],
    concurrent: int,
    scratch: Path,
    on_event: OnEvent,
    scheduler: "Asha | None",
) -> None:
    by_id = {trial.id: trial for trial in trials}
    trainable = tune.with_parameters(_trainable, trials=by_id, context=context, concurrent=concurrent)
    tuner = tune.Tuner(
        tune.with_resources(trainable, tune.PlacementGroupFactory([per_trial])),
        param_space={"id": tune.grid_search(list(by_id))},
        tune_config=tune.TuneConfig(
            scheduler=scheduler,
            # A stopped trial's thread goes on in its worker for a while, which must then not begin another.
            reuse_actors=scheduler is None,
            max_concurrent_trials=concurrent,
            trial_dirname_creator=lambda trial: trial.config["id"],
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(scratch),
            verbose=0,
            callbacks=[Relay(on_event)],
            failure_config=tune.FailureConfig(max_failures=RETRIES),
        ),
    )
    results = tuner.fit()
    errors = {result.config["id"]: result.error for result in results if result.config and result.error}
    experiment = ExperimentFolder(context.experiment)
    for trial in trials:
        folder = experiment.trial(trial.name)
        if scheduler and trial.id not in errors and folder.status()["state"] == "running":
            folder.stop("behind the others (asha)")
            on_event(trial.id, {"kind": "end", "state": "stopped", "reason": None})
        elif trial.id in errors or folder.status()["state"] not in (*FINAL, "failed"):
            said = str(errors.get(trial.id) or "Ray gave no reason").strip().splitlines()
            reason = f"lost {RETRIES + 1} times: {said[-1] if said else 'Ray gave no reason'}"
            if folder.status()["state"] == "missing":
                reason += "; it never began: do all nodes see --out and --data-root, and have the requirements?"
            folder.fail(trial.document, reason)
            on_event(trial.id, {"kind": "end", "state": "failed", "reason": reason})


class Asha(FIFOScheduler):
    """ASHA (Li et al., arXiv 1810.05934) for each variant apart: methods do not compete for their budgets.

    Rungs stand at 1/9 and 1/3 of the training; at each, a third goes on. What is stopped depends on the order in which
    trials come by, so a search that was interrupted need not stop the same ones.
    """

    def __init__(self, trials: dict[str, Trial]) -> None:
        super().__init__()
        self.variants = {id: split_label(trial.label)[0] for id, trial in trials.items()}
        epochs = next(iter(trials.values())).spec["training"]["epochs"]
        # Below `epochs`, or there would be a rung at the end, where nothing is left to save.
        options = {"time_attr": "epoch", "metric": "score", "mode": "min", "max_t": 0.9 * epochs}
        options |= {"grace_period": epochs / 9, "reduction_factor": 3, "stop_last_trials": False}
        self.of = {variant: ASHAScheduler(**options) for variant in dict.fromkeys(self.variants.values())}

    def _own(self, trial: Any) -> ASHAScheduler:
        return self.of[self.variants[trial.config["id"]]]

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        self._own(trial).on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: Event) -> str:
        return self._own(trial).on_trial_result(tune_controller, trial, result)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: Event) -> None:
        self._own(trial).on_trial_complete(tune_controller, trial, result)


def _trainable(config: dict[str, Any], trials: dict[str, Trial], context: Context, concurrent: int) -> None:
    # Ray does not hide GPUs from a trial that was given none, so ask what was given.
    device = "cuda:0" if ray.get_gpu_ids() else "cpu"
    for event in run_trial(trials[config["id"]], context, device, concurrent):
        tune.report(event)


class Relay(tune.Callback):
    """Hands every reported event on to `on_event`."""

    def __init__(self, on_event: OnEvent) -> None:
        self.on_event = on_event

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: Event, **info: Any) -> None:
        del iteration, trials, info
        self.on_event(trial.config["id"], result)

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles its callbacks for a restore that is never used; a live display cannot be pickled
