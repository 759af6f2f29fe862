"""Experiment -> trials. A trial's id is the sha256 of what it is, never of where, when or in which order it ran."""

import json
import re
from dataclasses import dataclass
from typing import Any

from bench.experiment.plugins import source_of
from bench.experiment.settings import Experiment
from bench.experiment.variants import Variant
from bench.io.files import sha256
from bench.store.folders import CHECKPOINT_FORMAT

PROTOCOL = ("dataset", "preprocessing", "network", "training", "evaluation", "threads")


@dataclass(frozen=True)
class Trial:
    """One training: `spec` holds everything that decides its result, `label` names its variant."""

    spec: dict[str, Any]
    label: str
    source: dict[str, str]  # the method's file and sha256; outside the id, so that a changed file is noticed

    @property
    def id(self) -> str:
        return sha256(json.dumps(self.spec, sort_keys=True).encode())[:10]

    @property
    def name(self) -> str:
        """The name of its folder."""
        slug = re.sub(r"[^A-Za-z0-9.]+", "-", self.label).strip("-")[:60]
        return f"{slug}-s{self.spec['seed']}-{self.id}"

    @property
    def protocol(self) -> dict[str, Any]:
        """What all trials of an experiment share, and what makes their numbers comparable."""
        return {key: self.spec[key] for key in PROTOCOL}

    @property
    def document(self) -> dict[str, Any]:
        """What spec.json says."""
        return {
            "id": self.id,
            "format": CHECKPOINT_FORMAT,
            "label": self.label,
            "source": self.source,
            "spec": self.spec,
        }


def plan(
    experiment: Experiment, variants: list[Variant], fingerprint: str, threads: int, first_seed: int = 0
) -> list[Trial]:
    """Every variant with every seed; all first seeds before all second ones, so that a cut run still compares."""
    seeds = range(first_seed, first_seed + experiment.seeds)
    pairs = [(seed, variant) for seed in seeds for variant in variants]
    return [_trial(experiment, variant, fingerprint, threads, seed) for seed, variant in pairs]


def _trial(experiment: Experiment, variant: Variant, fingerprint: str, threads: int, seed: int) -> Trial:
    spec = {
        "method": variant.method,
        "hyperparameters": variant.hyperparameters,
        "prior": variant.prior,
        "learning_rate": variant.learning_rate or experiment.training.learning_rate,
        **_protocol(experiment, fingerprint, threads),
        "seed": seed,
    }
    return Trial(spec, variant.label, source_of(variant.method))


def _protocol(experiment: Experiment, fingerprint: str, threads: int) -> dict[str, Any]:
    return {
        "dataset": {"name": experiment.dataset, "fingerprint": fingerprint},
        "preprocessing": experiment.preprocessing.model_dump(),
        "network": experiment.network.model_dump(),
        "training": experiment.training.model_dump(),
        "evaluation": experiment.evaluation.model_dump(),
        "threads": threads,
    }


def other_source(trial: Trial, document: dict[str, Any]) -> bool:
    """Whether the trial that spec.json describes was trained by another version of the method's source."""
    return document["source"]["sha256"] != trial.source["sha256"]
