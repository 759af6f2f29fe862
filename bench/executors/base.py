"""What executors and trials are given."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import RunError, UserError
from bench.experiment.plugins import Packaged, Plugin
from bench.io.object_store import Remote
from bench.store.documents import Git

MORE_MEMORY = {  # another batch size is another protocol, and needs another --out
    "GPU": "give it a larger --gpus-per-trial, or lower training.batch_size",
    "CPU": "give it a lower --max-concurrent, or lower training.batch_size",
}


@dataclass(frozen=True)
class Inputs:
    """What trials read: absolute paths on the driver's machine, or of a node's copy (`bench.executors.delivery`).

    Attributes:
        data: the prepared data set.
        features: the folder of the statistics of real images.
        extractor: the experiment's folder of its feature extractor.
        inception: the file of Inception's weights, if the extractor is FID's.
    """

    data: Path
    features: Path
    extractor: Path
    inception: Path | None


@dataclass(frozen=True)
class Context:
    """What all trials of a run share. Paths are absolute, because a worker has its own working directory.

    Attributes:
        trials: where trial folders are.
        inputs: of the driver's machine.
        eager: GPUs run every operation of a step by itself.
        git: the commit of the driver's project.
    """

    trials: Path | Remote
    inputs: Inputs
    extractor_sha256: str
    plugins: tuple[Plugin | Packaged, ...]
    checkpoint_seconds: float
    eager: bool
    git: Git


@dataclass(frozen=True)
class Place:
    """Where a trial runs: its torch device, how many trials may share the machine, and the cluster's node, if any."""

    device: str
    concurrent: int = 1
    node: str | None = None


@dataclass(frozen=True)
class Resources:
    """What each trial is given.

    Attributes:
        gpus: None means one if the cluster or machine has any.
        custom: amounts of the cluster's own resources, by name.
        max_concurrent: trials at a time; None means as many as fit.
        address: of an existing Ray cluster; None means this machine.
        scheduler: "none", or "asha" to stop trials that are behind.

    Raises:
        UserError: a fraction of several GPUs.
    """

    cpus: int = 1
    gpus: float | None = None
    custom: dict[str, float] = field(default_factory=dict)
    max_concurrent: int | None = None
    address: str | None = None
    scheduler: str = "none"

    def __post_init__(self) -> None:
        gpus = self.gpus or 0
        if gpus > 1 and gpus != int(gpus):
            raise UserError(f"--gpus-per-trial {gpus:g}: give a trial whole GPUs, or a fraction of one below 1")


def check_machine(resources: Resources) -> None:
    """Refuse, before any waiting, a trial that does not fit on this machine.

    Raises:
        UserError: it needs a cluster's resources.
        RunError: it needs more CPUs or GPUs than there are.
    """
    import torch

    for name, amount in resources.custom.items():
        raise UserError(f"--resource {name}={amount:g} is a cluster's; give its --address too")
    requested = {"CPUs": resources.cpus, "GPUs": resources.gpus or 0}
    available = {"CPUs": os.cpu_count() or 1, "GPUs": torch.cuda.device_count()}
    for kind, number in requested.items():
        if number > available[kind]:
            option = f"--{kind.lower()}-per-trial"
            raise RunError(
                f"a trial asks for {number:g} {kind}, but this machine has {available[kind]}; lower {option}"
            )
