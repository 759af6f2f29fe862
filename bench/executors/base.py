"""The inputs, resources and settings that a run passes to executors and trials."""

from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import RunError, UserError
from bench.io.object_store import Remote
from bench.plugins.found import Plugin
from bench.runtime.allowance import allowance
from bench.store.documents import Git

TRIAL_BYTES = 10**9  # resident in a worker that trains a small network on a CPU: Python, torch and Ray are most of it

MORE_MEMORY = {  # how to give a trial more; another batch size is another protocol, which needs another --out
    "GPU": "give it a larger --gpus-per-trial, or lower training.batch_size",
    "CPU": "give it a lower --max-concurrent, or lower training.batch_size",
}


@dataclass(frozen=True)
class Inputs:
    """The files that trials read, as absolute paths: the driver's, or a node's copies (`bench.executors.delivery`).

    Attributes:
        data: the prepared data set.
        features: the folder of the feature statistics of real images.
        extractor: the folder of the experiment's feature extractor.
        inception: the file of Inception's weights, if the extractor is Inception.
    """

    data: Path
    features: Path
    extractor: Path
    inception: Path | None


@dataclass(frozen=True)
class Context:
    """The settings that all trials of a run share. Paths are absolute: workers have other working directories.

    Attributes:
        trials: the folder that contains the trial folders.
        inputs: on the driver's machine.
        eager: on GPUs, run the operations of a step one by one, instead of as a CUDA graph.
        git: the commit of the driver's project.
    """

    trials: Path | Remote
    inputs: Inputs
    extractor_sha256: str
    plugins: tuple[Plugin, ...]
    checkpoint_seconds: float
    eager: bool
    git: Git


@dataclass(frozen=True)
class Place:
    """Where a trial runs: the torch device, how many trials may share the machine, and the cluster node, if any."""

    device: str
    concurrent: int = 1
    node: str | None = None


@dataclass(frozen=True)
class Resources:
    """The resources of each trial, and how trials are scheduled.

    Attributes:
        cpus: CPUs per trial.
        gpus: GPUs per trial, or a fraction of one. None means one if the cluster or machine has any.
        custom: amounts of custom resources of the cluster, by name.
        max_concurrent: maximum number of trials at a time; None means as many as fit.
        address: address of an existing Ray cluster; None means this machine.
        scheduler: "none", or "asha" to stop trials early if they fall behind.
        evaluate_beside: "off" to evaluate in the trial's own process; "on" to evaluate in another one, while the trial
            trains on, where CPUs are idle; "auto" to do so if that saves more time than the process takes to start.

    Raises:
        UserError: `gpus` is above 1 and not a whole number.
    """

    cpus: int = 1
    gpus: float | None = None
    custom: dict[str, float] = field(default_factory=dict)
    max_concurrent: int | None = None
    address: str | None = None
    scheduler: str = "none"
    evaluate_beside: str = "auto"

    def __post_init__(self) -> None:
        gpus = self.gpus or 0
        if gpus > 1 and gpus != int(gpus):
            raise UserError(f"--gpus-per-trial {gpus:g}: give a trial whole GPUs, or a fraction of one below 1")


def check_machine(resources: Resources) -> None:
    """Check that a trial fits on this machine, before any expensive work.

    Raises:
        UserError: the trial needs custom resources, which only clusters have.
        RunError: the trial needs more CPUs or GPUs than this process may use.
    """
    import torch

    for name, amount in resources.custom.items():
        raise UserError(f"--resource {name}={amount:g} needs a cluster; give its --address too")
    requested = {"CPUs": resources.cpus, "GPUs": resources.gpus or 0}
    available = {"CPUs": allowance().cpus, "GPUs": torch.cuda.device_count()}
    for kind, number in requested.items():
        if number > available[kind]:
            option = f"--{kind.lower()}-per-trial"
            raise RunError(
                f"a trial asks for {number:g} {kind}, but this process may use {available[kind]}; lower {option}"
            )


def trials_at_once(resources: Resources) -> int:
    """Return how many trials this machine's CPUs and memory allow at a time; at least 1."""
    allowed = allowance()
    if resources.max_concurrent:  # whoever names a number knows how much memory a trial takes
        return max(1, min(allowed.cpus // resources.cpus, resources.max_concurrent))
    return allowed.at_once(resources.cpus, TRIAL_BYTES)
