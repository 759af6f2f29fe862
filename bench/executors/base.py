"""What executors and trials are given."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.errors import RunError, UserError
from bench.experiment.plugins import Packaged, Plugin
from bench.io.object_store import Remote

MORE_MEMORY = {  # another batch size is another protocol, and needs another --out
    "GPU": "give it a larger --gpus-per-trial, or lower training.batch_size",
    "CPU": "give it a lower --max-concurrent, or lower training.batch_size",
}


@dataclass(frozen=True)
class Inputs:
    """What trials read, on the driver's machine or as a copy on a node (`bench.executors.delivery`); absolute."""

    data: Path
    features: Path  # where what extractors say of the real images is kept
    extractor: Path  # the experiment's folder of it
    inception: Path | None  # its weights


@dataclass(frozen=True)
class Context:
    """What all trials of a run share. Paths are absolute: a worker has a working directory of its own."""

    trials: Path | Remote  # where their folders are
    inputs: Inputs  # of the driver's machine
    extractor_sha256: str
    plugins: tuple[Plugin | Packaged, ...]
    checkpoint_seconds: float
    eager: bool  # GPUs take steps one operation at a time
    git: dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a trial is run: its torch device, how many trials may share the machine, and the cluster's node, if any."""

    device: str
    concurrent: int = 1
    node: str | None = None


@dataclass(frozen=True)
class Resources:
    """What a trial is given. `gpus` None: one, where the cluster or machine has any. `custom`: the cluster's own."""

    cpus: int = 1
    gpus: float | None = None
    custom: dict[str, float] = field(default_factory=dict)
    max_concurrent: int | None = None
    address: str | None = None
    scheduler: str = "none"  # "asha": trials that are behind end early

    def __post_init__(self) -> None:
        gpus = self.gpus or 0
        if gpus > 1 and gpus != int(gpus):
            raise UserError(f"--gpus-per-trial {gpus:g}: give a trial whole GPUs, or a fraction of one below 1")


def check_machine(resources: Resources) -> None:
    """Refuse, before anything is waited for, a trial that this machine has no room for.

    Raises:
        UserError: it asks for a cluster's resources. RunError: too many CPUs or GPUs.
    """
    import torch

    for name, amount in resources.custom.items():
        raise UserError(f"--resource {name}={amount:g} is a cluster's; give its --address too")

    asked = {"CPUs": resources.cpus, "GPUs": resources.gpus or 0}
    there = {"CPUs": os.cpu_count() or 1, "GPUs": torch.cuda.device_count()}
    for kind, number in asked.items():
        if number > there[kind]:
            option = f"--{kind.lower()}-per-trial"
            raise RunError(f"a trial asks for {number:g} {kind}, but this machine has {there[kind]}; lower {option}")
