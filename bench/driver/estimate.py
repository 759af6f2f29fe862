"""What a run will take: parts of it are timed here and now and multiplied out; and the bytes that it leaves on disk."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

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
from bench.experiment.labels import without_point
from bench.experiment.settings import Experiment
from bench.experiment.specification import Trial
from bench.io.disk import words
from bench.runtime import memory
from bench.store.folders import ExperimentFolder
from bench.training.build import build, evaluation_steps
from bench.training.step import take_step, trained_parameters
from methods import Method

START_SECONDS = {"ray": 20.0, "serial": 0.0}  # of the executor and its workers
REPORT_SECONDS = 6.0
RATE = 1e-4  # the learning rate while steps are timed
EVALUATION_BYTES = 20_000  # of a row, and of rounding files up to whole blocks


@dataclass(frozen=True)
class Cost:
    """Seconds, how many of them evaluations take, and bytes on disk."""

    seconds: float
    disk: int
    evaluations: float = 0.0


def lines(
    experiment: Experiment,
    todo: list[Trial],
    images: Found | None,
    folder: ExperimentFolder,
    at_once: int,
    executor: str,
) -> list[str]:
    """What a dry run says about time and disk.

    Args:
        experiment: resolved.
        todo: the trials to train.
        images: the data set; None if it must be downloaded.
        folder: of the experiment.
        at_once: trials at a time.
        executor: its name.
    """
    counts = _counts(experiment, images)
    if todo:
        torch.set_num_threads(todo[0].spec.threads)  # as trials have; more would wait for each other beside other work
    fid = experiment.evaluation.extractor == "inception"
    look = inception_extraction_cost() if fid else trained_extraction_cost(experiment.preprocessing.shape)
    costs = _costs(todo, counts, look)
    work = sum(cost.seconds for cost in costs)
    extractor = 0.0 if fid or folder.extractor.exists(FILE) else _extractor_seconds(experiment)
    # All training and held-out images are passed through the extractor once, whatever the number of trials.
    real = (counts["train"] + counts[experiment.evaluation.split]) * look.seconds if todo else 0.0
    unprepared = not (images and images.prepared)
    parts = {
        "decoding images": images.decode_seconds if images and unprepared else 0.0,
        "the extractor": extractor + real,
        "trials": work / max(at_once, 1),
        "starting and reporting": REPORT_SECONDS + (START_SECONDS[executor] if todo else 0.0),
    }
    shares = ", ".join(f"{name} {_duration(seconds)}" for name, seconds in parts.items() if seconds >= 1)
    if todo:
        shares += f" ({sum(cost.evaluations for cost in costs) / work:.0%} of the trials' time for evaluations)"
    download = "; a download comes on top" if images is None else ""
    prepared = image_bytes(experiment.preprocessing, counts) if unprepared else 0
    disk = f"about {words(sum(cost.disk for cost in costs))} of results"
    return [
        f"about {_duration(sum(parts.values()))}: {shares}{download}",
        disk + (f" and {words(prepared)} of prepared images" if prepared else ""),
    ]


def _costs(trials: list[Trial], counts: dict[str, int], look: ExtractionCost) -> list[Cost]:
    """Return the cost of every trial. One trial of each variant is tried; all points of a search cost the same."""
    examples = {without_point(trial.label): trial for trial in trials}
    costs = {label: _try_out(trial, counts, look) for label, trial in examples.items()}
    return [costs[without_point(trial.label)] for trial in trials]


def _try_out(trial: Trial, counts: dict[str, int], look: ExtractionCost) -> Cost:
    """Return `trial_cost`.

    Raises:
        UserError: the method, which may be anybody's code, fails or does not fit into memory.
    """
    try:
        return trial_cost(trial, counts, look)
    except Exception as error:
        if memory.exhausted(error):
            lower = "lower network.width, network.latent_dim or training.batch_size"
            raise UserError(f"{trial.label} does not fit into this machine's memory; {lower}") from error
        message = f"{type(error).__name__}: {reason(error)[:150]}"
        raise UserError(f"{trial.label} fails when it is tried out with this network and batch: {message}") from error


def trial_cost(trial: Trial, counts: dict[str, int], look: ExtractionCost) -> Cost:
    """The cost of one trial, evaluations included, on this machine's CPU with torch's present number of threads.

    Args:
        trial: what is trained.
        counts: images of each split.
        look: what the extractor takes.
    """
    spec = trial.spec
    shape, training, evaluation = spec.preprocessing.shape, spec.training, spec.evaluation
    images = min(counts["train"], training.train_images or counts["train"])
    total = images // training.batch_size * training.epochs

    method = build(spec)
    step = timed(_step(method, torch.randint(0, 256, (training.batch_size, *shape), dtype=torch.uint8)))

    method.eval()
    grid = _grid(shape)
    row, last = evaluation_seconds(method, look, evaluation, shape, counts)
    rows = len(evaluation_steps(total, evaluation.evaluations))
    evaluations = rows * (row + 2 * grid.seconds) + last
    disk = 2 * _checkpoint_bytes(method) + rows * (2 * grid.disk + EVALUATION_BYTES)
    return Cost(total * step + evaluations, disk, evaluations)


class FunctionalAdam:
    """Adam as the trainer uses it, by torch's function: the class imports torch's compiler, for over a second."""

    def __init__(self, parameters: list[Tensor]) -> None:
        self.parameters = parameters
        self.first, self.second = ([torch.zeros_like(each) for each in parameters] for _ in range(2))
        self.steps = [torch.zeros(()) for _ in parameters]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop all gradients."""
        assert set_to_none
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Update all parameters. A missing gradient counts as zero; Adam skips such parameters, which are few."""
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        adam(
            self.parameters,
            gradients,
            self.first,
            self.second,
            [],
            self.steps,
            fused=True,
            amsgrad=False,
            maximize=False,
            beta1=0.9,
            beta2=0.999,
            lr=RATE,
            weight_decay=0.0,
            eps=1e-8,
        )


def _step(method: Method, batch: Tensor) -> Callable[[], object]:
    """Return a training step on uint8 images [n, c, h, w]."""
    optimizer = FunctionalAdam(trained_parameters(method.param_groups()))
    return lambda: take_step(method, optimizer, batch)


@cache
def _grid(shape: tuple[int, int, int]) -> Cost:
    """Return the cost of one image grid."""
    grid = torch.randint(0, 256, (grid_columns(shape[2]) ** 2, *shape), dtype=torch.uint8)
    return Cost(timed(lambda: grid_png(grid)), len(grid_png(grid)))


def _checkpoint_bytes(method: nn.Module) -> int:
    """Return the size of weights and buffers, and of Adam's two moments of what is trained."""
    state = sum(tensor.numel() * tensor.element_size() for tensor in method.state_dict().values())
    return state + sum(2 * p.numel() * p.element_size() for p in method.parameters() if p.requires_grad)


def _extractor_seconds(experiment: Experiment) -> float:
    """Return the seconds of training the extractor."""
    torch.set_num_threads(THREADS)
    shape, evaluation = experiment.preprocessing.shape, experiment.evaluation
    network = Classifier(shape, TURNS)
    batch = torch.randint(0, 256, (BATCH, *shape), dtype=torch.uint8)

    def train() -> None:
        network.zero_grad()
        network.head(network(to_unit(batch))).square().mean().backward()

    return evaluation.extractor_steps * timed(train)


def _counts(experiment: Experiment, images: Found | None) -> dict[str, int]:
    published = DATASETS[experiment.dataset].images
    if images:
        return images.counts
    return dict(zip(("train", "validation", "test"), published or (0, 0, 0), strict=True))


def _duration(seconds: float) -> str:
    for unit, scale in (("days", 86400), ("hours", 3600), ("min", 60)):
        if seconds >= 2 * scale:
            return f"{seconds / scale:.1f} {unit}"
    return f"{seconds:.0f} s"
