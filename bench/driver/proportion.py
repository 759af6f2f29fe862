"""Evaluation in proportion to the training: how much of it is the default, given the budget of a trial.

The budget is the number of images that a trial trains on, times the cost of its networks. The costs are a fixed model
of one CPU core, not measured, so that one command has one protocol on every machine. It errs towards short trainings
and long evaluations. The cheapest method counts (an autoencoder), so that methods can be added to an experiment.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import nn

from bench.errors import UserError, reason
from bench.evaluation import feature_network
from bench.evaluation.feature_network import FEATURES, Classifier
from bench.evaluation.feature_training import BATCH
from bench.evaluation.features import KEPT_IMAGES
from bench.evaluation.inception import FEATURES as INCEPTION_FEATURES
from bench.experiment.settings import Evaluation, Experiment
from bench.metrics.kernel_distance import equivalent_pairs
from bench.runtime import memory
from bench.runtime.rng import forked
from bench.training.budget import Budget as TrainingBudget
from methods.networks import NETWORKS

SHARES = {"inception": 0.35}  # most of a trial's time that evaluation takes, by extractor; others: SHARE
SHARE = 0.2
# From the most to the least. The first is the default of the data set.
LEVELS: tuple[dict[str, int], ...] = (
    {},
    {"evaluations": 12, "samples": 5000, "final_samples": 20_000},
    {"evaluations": 10, "samples": 2000, "final_samples": 10_000, "reconstructions": 5000},
    {"evaluations": 8, "samples": 1000, "final_samples": 5000, "reconstructions": 2000},
    {"evaluations": 6, "samples": 1000, "final_samples": 2000, "held_out": 500, "reconstructions": 1000},
    {"evaluations": 5, "samples": 500, "final_samples": 1000, "held_out": 500, "reconstructions": 500},
    {"evaluations": 4, "samples": 250, "final_samples": 500, "held_out": 250, "reconstructions": 250},
    {"evaluations": 3, "samples": 100, "final_samples": 250, "held_out": 250, "reconstructions": 100},
    {"evaluations": 2, "samples": 100, "final_samples": 100, "held_out": 100, "reconstructions": 100},
)
FOLLOWS = {"held_out": "samples", "reconstructions": "final_samples"}  # kept if the other is kept
FITTED = frozenset({"extractor_steps", *(key for level in LEVELS for key in level)})
LEAST_STEPS = 200  # of training the extractor
LEAST_FID = 5000  # generated images of the final row, below which "auto" prefers a network of 64 features to FID's

# Seconds of one core.
STEP = 2e-3  # of a training step, whatever its size
TRAINED = {False: (40e-12, 3.4e-9), True: (13e-12, 1.3e-9)}  # of a multiplication, of a value; by `Architecture.heavy`
EXTRACTED = (15e-12, 0.6e-9)
INCEPTION = 0.12  # of an image
DECODED, RECONSTRUCTED = 0.3, 0.42  # of an image, over that of training on it
PAIR = 4.5e-9 / FEATURES  # of a kernel value, a feature
NEIGHBOUR = 0.6e-9  # of a pair, a feature
CODES = 0.12e-6  # of the latent diagnostics, times the square of the number of codes
TESTS = 0.4e-3  # of the latent tests, a code
ROW = 0.015  # of a row: grids, checkpoint


@dataclass(frozen=True)
class Budget:
    """What a trial takes, in seconds of one core.

    Attributes:
        training: of the training.
        image: of training on one image.
        real: the number of real images that are compared with.
    """

    training: float
    image: float
    real: int

    @classmethod
    def of(cls, experiment: Experiment, counts: Mapping[str, int]) -> "Budget":
        """The budget of an experiment whose network is resolved; counts: images of each split."""
        training, network = experiment.training, experiment.network
        images = min(counts["train"], training.train_images or counts["train"])
        length = TrainingBudget.of(training, images, experiment.evaluation.evaluations)
        image = _network_seconds(network.name, experiment.preprocessing.shape, network.latent_dim, network.width)
        seconds = length.seconds or (length.steps or 0) * (STEP + training.batch_size * image)
        return cls(seconds, image, min(counts[experiment.evaluation.split], KEPT_IMAGES))

    def evaluation(self, protocol: Evaluation, extraction: float, features: int) -> float:
        """The seconds of all evaluations of a trial; extraction: of one image."""
        generated, reconstructed = DECODED * self.image + extraction, RECONSTRUCTED * self.image
        held_out = min(protocol.held_out, self.real)

        def distances(samples: int) -> float:
            pairs = equivalent_pairs(min(samples, KEPT_IMAGES), self.real)
            return samples * generated + pairs * PAIR * features

        diagnostics = CODES * held_out**2
        row = distances(protocol.samples) + held_out * reconstructed + diagnostics + ROW
        total = protocol.evaluations * row + diagnostics
        if protocol.final_samples is None:
            return total
        neighbours = min(protocol.final_samples, self.real) ** 2 * features * NEIGHBOUR
        last = distances(protocol.final_samples) + neighbours + held_out * TESTS
        return total + last + min(protocol.reconstructions, self.real) * (reconstructed + extraction)


def fit(experiment: Experiment, counts: Mapping[str, int], asked: Collection[str]) -> Evaluation:
    """Return the evaluation settings of an experiment, at most SHARE of its trials' time where that is possible.

    Args:
        experiment: its network and extractor are resolved. Its evaluation settings are the most that is kept.
        counts: images of each split.
        asked: evaluation settings that the user gave, which are kept as they are.
    """
    evaluation, budget = experiment.evaluation, Budget.of(experiment, counts)
    extraction = _extraction(experiment)
    share = SHARES.get(evaluation.extractor, SHARE)
    levels = [_lowered(evaluation, level, asked) for level in LEVELS]
    allowed = budget.training * share / (1 - share)
    chosen = next((level for level in levels if budget.evaluation(level, *extraction) <= allowed), levels[-1])
    if evaluation.extractor not in feature_network.TRAINED or "extractor_steps" in asked:
        return chosen
    return chosen.model_copy(update={"extractor_steps": _steps(evaluation.extractor_steps, budget, extraction[0])})


def seconds(experiment: Experiment, counts: Mapping[str, int]) -> tuple[float, float]:
    """Seconds of one core, by the model: of a trial's training, and of its evaluations."""
    budget = Budget.of(experiment, counts)
    return budget.training, budget.evaluation(experiment.evaluation, *_extraction(experiment))


def _extraction(experiment: Experiment) -> tuple[float, int]:
    """Seconds of one image, and the number of features."""
    if experiment.evaluation.extractor == "inception":
        return INCEPTION, INCEPTION_FEATURES
    return _extractor_seconds(experiment.preprocessing.shape), FEATURES


def affords_fid(evaluation: Evaluation) -> bool:
    """Whether the budget allows so many images that their FID means something."""
    return evaluation.final_samples is None or evaluation.final_samples >= LEAST_FID


def _lowered(evaluation: Evaluation, level: Mapping[str, int], asked: Collection[str]) -> Evaluation:
    free = {key: most for key, most in level.items() if key not in asked and FOLLOWS.get(key) not in asked}
    present = {key: getattr(evaluation, key) for key in free}
    lowered = {key: min(most, present[key]) for key, most in free.items() if present[key] is not None}
    return evaluation.model_copy(update=lowered)


def _steps(most: int, budget: Budget, extraction: float) -> int:
    """Steps of training the extractor, once per data set: halved until they take at most twice a trial's training."""
    step = 3.5 * BATCH * extraction
    while most // 2 >= LEAST_STEPS and most * step > 2 * budget.training:
        most //= 2
    return most


@cache
def _network_seconds(name: str, shape: tuple[int, int, int], latent_dim: int, width: int) -> float:
    """Of training on one image.

    Raises:
        UserError: the networks cannot be built.
    """
    architecture = NETWORKS[name]
    try:
        with forked(0):  # not on the device meta: a forward pass there imports torch's compiler
            encoder = architecture.encoder(shape, latent_dim, width).eval()
            decoder = architecture.decoder(shape, latent_dim, width).eval()
            work = [*_work(encoder, torch.zeros(1, *shape)), *_work(decoder, torch.zeros(1, latent_dim))]
    except Exception as error:  # networks of plug-ins raise all kinds of exceptions
        problem = "does not fit into this machine's memory" if memory.exhausted(error) else f"fails: {reason(error)}"
        raise UserError(f"the network {name} of width {width} {problem}; lower network.width") from None
    return _seconds(work, TRAINED[architecture.heavy])


@cache
def _extractor_seconds(shape: tuple[int, int, int]) -> float:
    """Of one image."""
    with forked(0):
        return _seconds(_work(Classifier(shape, 2).eval(), torch.zeros(1, *shape)), EXTRACTED)


def _seconds(work: list[tuple[int, int]], costs: tuple[float, float]) -> float:
    return sum(multiplications * costs[0] + values * costs[1] for multiplications, values in work)


@torch.no_grad()
def _work(network: nn.Module, example: torch.Tensor) -> list[tuple[int, int]]:
    """Multiplications, and values read and written, of every layer for one example."""
    work: list[tuple[int, int]] = []

    def record(layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        read = [value for value in inputs if isinstance(value, torch.Tensor)]
        written = [value for value in (output if isinstance(output, tuple) else (output,)) if torch.is_tensor(value)]
        weights = [value for value in layer.parameters(recurse=False) if value.dim() > 1]
        sides = read if isinstance(layer, nn.ConvTranspose2d) else written
        pixels = sides[0].shape[2:].numel() if sides and sides[0].dim() == 4 else 1
        uses = pixels * sum(weight.numel() for weight in weights)  # every weight is used once a pixel, or once
        work.append((uses, sum(value.numel() for value in [*read, *written])))

    hooks = [layer.register_forward_hook(record) for layer in network.modules() if not list(layer.children())]
    try:
        network(example)
    finally:
        for hook in hooks:
            hook.remove()
    return work
