"""What a run will take: time and disk, as a dry run prints them."""

import torch

from bench.data.images import to_unit
from bench.data.preparation import DatasetInfo, expected_counts
from bench.data.prepared import image_bytes
from bench.driver.trial_cost import Cost, trial_cost
from bench.errors import UserError, reason
from bench.evaluation.cost import ExtractionCost, extraction_cost, timed
from bench.evaluation.extractors import FILE
from bench.evaluation.feature_network import TRAINED, Classifier
from bench.evaluation.feature_training import BATCH, THREADS, TURNS
from bench.experiment.labels import without_point
from bench.experiment.settings import Experiment
from bench.experiment.specification import Trial
from bench.io.disk import format_bytes
from bench.runtime import memory
from bench.runtime.code_location import location
from bench.store.folders import ExperimentFolder

START_SECONDS = {"ray": 20.0, "serial": 0.0}  # of the executor and its workers
REPORT_SECONDS = 6.0


def lines(
    experiment: Experiment,
    todo: list[Trial],
    images: DatasetInfo | None,
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
    counts = expected_counts(experiment.dataset, images)
    if counts is None:
        fetched = f"python -m bench.prepare {experiment.dataset} downloads them"
        return [f"time and disk are known once the images are here; {fetched}"]
    if todo:
        torch.set_num_threads(todo[0].spec.threads)  # as trials have; more would wait for each other beside other work
    name, shape = experiment.evaluation.extractor, experiment.preprocessing.shape
    extraction = extraction_cost(name, shape)
    costs = _costs(todo, counts, extraction)
    work = sum(cost.seconds for cost in costs)
    extractor = 0.0 if name not in TRAINED or folder.extractor.exists(FILE) else _extractor_seconds(experiment)
    # All training and held-out images are passed through the extractor once, whatever the number of trials.
    real = (counts["train"] + counts[experiment.evaluation.split]) * extraction.seconds if todo else 0.0
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
    disk = f"about {format_bytes(sum(cost.disk for cost in costs))} of results"
    return [
        f"about {_duration(sum(parts.values()))}: {shares}{download}",
        disk + (f" and {format_bytes(prepared)} of prepared images" if prepared else ""),
    ]


def _costs(trials: list[Trial], counts: dict[str, int], extraction: ExtractionCost) -> list[Cost]:
    """Return the cost of every trial. One trial of each variant is tried; all points of a search cost the same."""
    examples = {without_point(trial.label): trial for trial in trials}
    costs = {label: _try_out(trial, counts, extraction) for label, trial in examples.items()}
    return [costs[without_point(trial.label)] for trial in trials]


def _try_out(trial: Trial, counts: dict[str, int], extraction: ExtractionCost) -> Cost:
    """Return `trial_cost`.

    Raises:
        UserError: the method, which may be anybody's code, fails or does not fit into memory.
    """
    try:
        return trial_cost(trial, counts, extraction)
    except Exception as error:
        if memory.exhausted(error):
            lower = "lower network.width, network.latent_dim or training.batch_size"
            raise UserError(f"{trial.label} does not fit into this machine's memory; {lower}") from error
        message = f"{type(error).__name__}{location(error)}: {reason(error)[:150]}"
        raise UserError(f"{trial.label} fails when it is tried out with this network and batch: {message}") from error


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


def _duration(seconds: float) -> str:
    for unit, scale in (("days", 86400), ("hours", 3600), ("min", 60)):
        if seconds >= 2 * scale:
            return f"{seconds / scale:.1f} {unit}"
    return f"{seconds:.0f} s"
