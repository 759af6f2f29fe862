"""Codes of which width minimise each penalty: the scale s of N(0, s^2 I) with the lowest expected penalty.

    python benchmarks/penalty_minimum.py --dim 128 --batch 64

A penalty that measures the distance of a *batch* to the prior, or to as many samples, can be lowest for codes that are
narrower than the prior. 1 means that its minimum is the prior. Prints one row per method, as Markdown.
"""

import argparse

import torch
from common import markdown

from bench.contract.subject import Subject, as_images
from bench.runtime import rng
from methods import METHODS

DRAWS = 20
SCALES = [0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.65, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 1.0, 1.025, 1.05, 1.1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--batch", type=int, default=64)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    subjects = [Subject(method, "normal") for method in METHODS.values() if "normal" in method.priors]
    names = [name for name, method in METHODS.items() if "normal" in method.priors]
    rows = [
        [name, lowest(subject, asked.dim, asked.batch)]
        for name, subject in zip(names, subjects, strict=True)
        if subject.identity(asked.dim).floor(asked.batch) is not None
    ]
    print(markdown(["method", f"scale of the lowest penalty (d = {asked.dim}, batch {asked.batch})"], rows))


@torch.no_grad()
def lowest(subject: Subject, dim: int, batch: int) -> float:
    """The scale in SCALES with the lowest mean penalty; every scale sees the same draws."""
    method = subject.identity(dim)

    def mean(scale: float) -> float:
        rng.seed_everything(0)
        draws = [scale * torch.randn(batch, dim) for _ in range(DRAWS)]
        return sum(method.losses(as_images(codes))["penalty"].item() for codes in draws) / DRAWS

    return min(SCALES, key=mean)


if __name__ == "__main__":
    main()
