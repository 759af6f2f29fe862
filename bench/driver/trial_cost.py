"""What one trial takes: parts of it are timed here and now and multiplied out; and the bytes that it leaves on disk."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from bench.evaluation.cost import ExtractionCost, evaluation_seconds, timed
from bench.evaluation.image_grids import grid_columns, grid_png
from bench.experiment.specification import Trial
from bench.training.budget import Budget
from bench.training.build import build
from bench.training.step import take_step, trained_parameters
from methods import Method

RATE = 1e-4  # the learning rate while steps are timed
EVALUATION_BYTES = 20_000  # of a row, and of rounding files up to whole blocks


@dataclass(frozen=True)
class Cost:
    """Seconds, how many of them evaluations take, and bytes on disk."""

    seconds: float
    disk: int
    evaluations: float = 0.0


def trial_cost(trial: Trial, counts: dict[str, int], extraction: ExtractionCost) -> Cost:
    """The cost of one trial, evaluations included, on this machine's CPU with torch's present number of threads.

    Args:
        trial: what is trained.
        counts: images of each split.
        extraction: what the extractor takes.
    """
    spec = trial.spec
    shape, training, evaluation = spec.preprocessing.shape, spec.training, spec.evaluation
    images = min(counts["train"], training.train_images or counts["train"])
    budget = Budget.of(training, images, evaluation.evaluations)

    method = build(spec)
    step = timed(training_step(method, torch.randint(0, 256, (training.batch_size, *shape), dtype=torch.uint8)))

    method.eval()
    grid = _grid(shape)
    row, last = evaluation_seconds(method, extraction, evaluation, shape, counts)
    rows = len(budget.marks)
    evaluations = rows * (row + 2 * grid.seconds) + last
    disk = 2 * _checkpoint_bytes(method) + rows * (2 * grid.disk + EVALUATION_BYTES)
    seconds = budget.seconds if budget.steps is None else budget.steps * step
    return Cost((seconds or 0.0) + evaluations, disk, evaluations)


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


def training_step(method: Method, batch: Tensor) -> Callable[[], object]:
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
