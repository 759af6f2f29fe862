"""Do the extractors that are trained here earn their place? Accuracy, seconds, and order under damage.

    python benchmarks/extractors.py [--data-root DIR] [--seeds 3] [digits mnist cifar10 ...]

For each data set and seed the classifier of its configuration is trained, and its distance between real test images and
damaged training images is taken at six levels (none and five) of blur, noise, lost pixels and lost classes. As FID does
(Heusel et al., arXiv 1706.08500, figure 3), it should rise with every level.
"""

import argparse
import contextlib
import io
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from bench.data import preparation
from bench.data.datasets import Request
from bench.data.prepared import Prepared
from bench.evaluation.feature_network import TrainedExtractor, load_extractor
from bench.evaluation.feature_training import train_extractor
from bench.experiment import configuration
from bench.metrics.frechet import frechet_distance, gaussian

LEVELS = 5
IMAGES = 5000  # damaged ones at most, drawn anew for each seed
TARGETS = {"digits": 0.97, "mnist": 0.99, "cifar10": 0.70}


def blurred(images: Tensor, level: int, _: Tensor) -> Tensor:
    """The mean over a square of side 3, `level` times."""
    found = images.float()
    for _ in range(level):
        found = avg_pool2d(found, 3, 1, 1, count_include_pad=False)
    return found


def noisy(images: Tensor, level: int, _: Tensor) -> Tensor:
    return images + 30 * level * torch.randn(images.shape)


def pixels_lost(images: Tensor, level: int, _: Tensor) -> Tensor:
    """Every pixel is black with probability 0.08 a level."""
    return images * (torch.rand(len(images), 1, *images.shape[2:]) > 0.08 * level)


def classes_lost(images: Tensor, level: int, labels: Tensor) -> Tensor:
    return images[labels < int(labels.max()) + 1 - level].float()


DAMAGES: dict[str, Callable[[Tensor, int, Tensor], Tensor]] = {
    "blur": blurred,
    "noise": noisy,
    "lost pixels": pixels_lost,
    "lost classes": classes_lost,
}


def distances(prepared: Prepared, extractor: TrainedExtractor, damage: str, seed: int) -> list[float]:
    """Between real test images and training images, drawn by `seed`, at levels 0 to LEVELS of the damage."""
    torch.manual_seed(seed)
    images, labels = torch.from_numpy(prepared.images("train")), torch.from_numpy(prepared.labels("train"))
    rows = torch.randperm(len(images))[: min(IMAGES, len(images) * 9 // 10)]

    def features(images: Tensor) -> Tensor:
        return torch.cat([extractor(batch) for batch in images.split(500)])

    real = gaussian(features(torch.from_numpy(prepared.images("test"))))
    found = []
    for level in range(LEVELS + 1):
        worse = DAMAGES[damage](images[rows], level, labels[rows]).round().clamp(0, 255).to(torch.uint8)
        found.append(frechet_distance(gaussian(features(worse)), real))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", default=["digits"])
    parser.add_argument("--data-root", type=Path, default=Path("data"))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    for name in arguments.datasets:
        root = arguments.data_root.resolve()
        experiment = configuration.resolve({"dataset": name})
        prepared = preparation.prepare(Request(name, root, experiment.preprocessing, root / "prepared", False))
        for seed in range(arguments.seeds):
            started = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                stored = train_extractor(prepared, "classifier", experiment.evaluation.extractor_steps, seed)
            seconds = time.perf_counter() - started
            extractor = load_extractor(stored)
            reached = "" if name not in TARGETS else f", target {TARGETS[name]:.0%}"
            print(f"{name}, seed {seed}: accuracy {extractor.accuracy:.2%}{reached}; {seconds:.0f} s on one thread")
            for damage in DAMAGES:
                found = distances(prepared, extractor, damage, seed)
                rises = all(lower < higher for lower, higher in pairwise(found))
                print(
                    f"  {damage:12} {' '.join(f'{d:8.3f}' for d in found)}  {'rises' if rises else 'DOES NOT RISE'}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
