"""What a run will take: parts of it timed here and now, multiplied out; and the bytes that it leaves on disk."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from bench.data.datasets import DATASETS
from bench.data.images import to_unit
from bench.data.preparation import Found
from bench.data.writing import image_bytes
from bench.errors import UserError, reason
from bench.evaluation.cost import (
    ExtractionCost,
    evaluation_seconds,
    inception_extraction_cost,
    timed,
    trained_extraction_cost,
)
from bench.evaluation.extractors import FILE
from bench.evaluation.feature_network import Classifier
from bench.evaluation.feature_training import BATCH, THREADS, TURNS
from bench.evaluation.image_grids import grid_columns, grid_png
from bench.experiment.settings import Evaluation, Experiment, Preprocessing, Training
from bench.experiment.trials import Trial
from bench.io.disk import words
from bench.runtime import memory
from bench.store.folders import ExperimentFolder
from bench.training.build import build, evaluation_steps
from bench.training.step import gradients, optimised
from methods import Method

START_SECONDS = {"ray": 20.0, "serial": 0.0}  # of the executor and its workers
REPORT_SECONDS = 6.0
RATE = 1e-4  # at which a method is moved while its steps are timed
EVALUATION_BYTES = 20_000  # of a row, and of files' rounding up to whole blocks


@dataclass(frozen=True)
class Cost:
    """Seconds, how many of them go into evaluations, and bytes on disk."""

    seconds: float
    disk: int
    evaluations: float = 0.0


def lines(
    experiment: Experiment,
    todo: list[Trial],
    found: Found | None,
    folder: ExperimentFolder,
    at_once: int,
    executor: str,
) -> list[str]:
    """What a dry run says of time and disk."""
    counts = _counts(experiment, found)
    evaluation, shape = experiment.evaluation, experiment.preprocessing.shape
    fid = evaluation.extractor == "inception"
    if todo:
        torch.set_num_threads(todo[0].spec["threads"])  # as trials: more would wait for each other beside other work
    look = inception_extraction_cost() if fid else trained_extraction_cost(shape)
    costs = {kind: _tried(trial, counts, look) for kind, trial in {_kind(t): t for t in todo}.items()}
    work = sum(costs[_kind(trial)].seconds for trial in todo)
    evaluating = sum(costs[_kind(trial)].evaluations for trial in todo)
    training = work / max(at_once, 1)
    before = 0.0 if fid or folder.extractor.exists(FILE) else _extractor_seconds(experiment)
    # All real training and held-out images are looked at once, whatever the number of trials.
    before += (counts["train"] + counts[evaluation.split]) * look.seconds if todo else 0.0
    around = REPORT_SECONDS + (START_SECONDS[executor] if todo else 0.0)
    unprepared = not (found and found.prepared)
    decoding = found.decode_seconds if found and unprepared else 0.0
    total = training + before + around + decoding
    parts = {"decoding images": decoding, "the extractor": before, "trials": training, "starting and reporting": around}
    shares = ", ".join(f"{name} {_duration(seconds)}" for name, seconds in parts.items() if seconds >= 1)
    shares += f" ({evaluating / work:.0%} of the trials' time for evaluations)" if todo else ""
    note = "; a download comes on top" if found is None else ""
    images = image_bytes(experiment.preprocessing, counts) if unprepared else 0
    results = sum(costs[_kind(trial)].disk for trial in todo)
    return [
        f"about {_duration(total)}: {shares}{note}",
        f"about {words(results)} of results" + (f" and {words(images)} of prepared images" if images else ""),
    ]


def _kind(trial: Trial) -> str:
    """What trials that cost alike share: the variant; of a search's points one stands for all."""
    return re.sub(r"point=\d+", "point", trial.label)


def _tried(trial: Trial, counts: dict[str, int], look: ExtractionCost) -> Cost:
    """`trial_cost`; UserError where the method, which may be anybody's code, fails or does not fit into memory."""
    try:
        return trial_cost(trial, counts, look)
    except Exception as error:
        if memory.exhausted(error):
            lower = "lower network.width, network.latent_dim or training.batch_size"
            raise UserError(f"{trial.label} does not fit into this machine's memory; {lower}") from error
        said = f"{type(error).__name__}: {reason(error)[:150]}"
        raise UserError(f"{trial.label} fails when it is tried out with this network and batch: {said}") from error


def trial_cost(trial: Trial, counts: dict[str, int], look: ExtractionCost) -> Cost:
    """Seconds on this machine's CPU with torch's present threads, evaluations included, and bytes on disk.

    look: what the extractor takes.
    """
    shape = Preprocessing.model_validate(trial.spec["preprocessing"]).shape
    training = Training.model_validate(trial.spec["training"])
    evaluation = Evaluation.model_validate(trial.spec["evaluation"])
    images = min(counts["train"], training.train_images or counts["train"])
    total = images // training.batch_size * training.epochs

    method = build(trial.spec)
    step = timed(_step(method, torch.randint(0, 256, (training.batch_size, *shape), dtype=torch.uint8)))

    method.eval()
    grid = _grid(shape)
    row, last = evaluation_seconds(method, look, evaluation, shape, counts)
    rows = len(evaluation_steps(total, evaluation.evaluations))
    evaluations = rows * (row + 2 * grid.seconds) + last
    disk = 2 * _checkpoint_bytes(method) + rows * (2 * grid.disk + EVALUATION_BYTES)
    return Cost(total * step + evaluations, disk, evaluations)


def _step(method: Method, batch: Tensor) -> Callable[[], None]:
    """A training step as `bench.training.step` takes it, on uint8 images [n, c, h, w].

    Without the optimiser's class: making one imports torch's compiler, for more than a second.
    """
    parameters = optimised(method.param_groups())
    first, second = ([torch.zeros_like(parameter) for parameter in parameters] for _ in range(2))
    steps = [torch.zeros(()) for _ in parameters]
    settings: dict[str, Any] = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0, "lr": RATE}
    settings |= {"fused": True, "amsgrad": False, "maximize": False}

    def step() -> None:
        for parameter in parameters:
            parameter.grad = None
        gradients(method, batch)
        # Adam passes over parameters without a gradient, of which there are few.
        found = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        with torch.no_grad():
            adam(parameters, found, first, second, [], steps, **settings)
        method.after_step()

    return step


@cache
def _grid(shape: tuple[int, int, int]) -> Cost:
    """Of making one grid of images."""
    grid = torch.randint(0, 256, (grid_columns(shape[2]) ** 2, *shape), dtype=torch.uint8)
    return Cost(timed(lambda: grid_png(grid)), len(grid_png(grid)))


def _checkpoint_bytes(method: nn.Module) -> int:
    """Weights and buffers once, and Adam's two moments of what is trained."""
    state = sum(tensor.numel() * tensor.element_size() for tensor in method.state_dict().values())
    return state + sum(2 * p.numel() * p.element_size() for p in method.parameters() if p.requires_grad)


def _extractor_seconds(experiment: Experiment) -> float:
    """Training the extractor."""
    torch.set_num_threads(THREADS)
    shape, evaluation = experiment.preprocessing.shape, experiment.evaluation
    network = Classifier(shape, TURNS)
    batch = torch.randint(0, 256, (BATCH, *shape), dtype=torch.uint8)

    def train() -> None:
        network.zero_grad()
        network.head(network(to_unit(batch))).square().mean().backward()

    return evaluation.extractor_steps * timed(train)


def _counts(experiment: Experiment, found: Found | None) -> dict[str, int]:
    published = DATASETS[experiment.dataset].images
    if found:
        return found.counts
    return dict(zip(("train", "validation", "test"), published or (0, 0, 0), strict=True))


def _duration(seconds: float) -> str:
    for unit, scale in (("days", 86400), ("hours", 3600), ("min", 60)):
        if seconds >= 2 * scale:
            return f"{seconds / scale:.1f} {unit}"
    return f"{seconds:.0f} s"
