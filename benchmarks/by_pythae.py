"""The study of benchmarks/end_to_end.py as a researcher would script it with pythae: its models, pipelines, callbacks.

    python benchmarks/by_pythae.py DATA EXTRACTOR OUT [--train-images N] [--epochs 2] [--samples 1000] [--seeds 3]

DATA has MNIST as torchvision reads it. EXTRACTOR is a classifier's file; the distance is scipy's. Distances are taken
at the five points of a quadratic schedule, and drawn for each method, mean over seeds.
"""

import argparse
import logging
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from torch import nn

WIDTH, LATENT, POINTS, BATCH = 32, 8, 5, 100
METHODS = ("wae_mmd", "aae", "vae")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("extractor", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--train-images", type=int, default=55_000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    from torchvision.datasets import MNIST

    train, test = (MNIST(str(asked.data), train=part).data[:, None] for part in (True, False))
    distance = Distance(asked.extractor, test, asked.samples)
    curves = {
        name: [trained(name, seed, train[: asked.train_images], distance, asked) for seed in range(asked.seeds)]
        for name in METHODS
    }
    draw(curves, asked.out / "distances.png")
    for name, each in curves.items():
        print(name, np.mean([curve[-1] for curve in each]))


class Encoder(BaseEncoder):
    """Two convolutions; for the VAE, also a log-variance."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.latent_dim = LATENT
        self.body = nn.Sequential(
            nn.Conv2d(1, WIDTH, 4, 2, 1), nn.ReLU(), nn.Conv2d(WIDTH, 2 * WIDTH, 4, 2, 1), nn.ReLU(), nn.Flatten()
        )
        self.heads = nn.ModuleList(nn.Linear(2 * WIDTH * 49, LATENT) for _ in range(heads))

    def forward(self, x: torch.Tensor) -> Any:
        hidden = self.body(x)
        last = self.heads[-1](hidden) if len(self.heads) > 1 else torch.zeros(len(x), LATENT)
        return ModelOutput(embedding=self.heads[0](hidden), log_covariance=last)


class Decoder(BaseDecoder):
    """The mirror image."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(LATENT, 2 * WIDTH * 49),
            nn.Unflatten(1, (2 * WIDTH, 7, 7)),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * WIDTH, WIDTH, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(WIDTH, 1, 4, 2, 1),
            nn.Tanh(),
        )

    def forward(self, z: torch.Tensor) -> Any:
        return ModelOutput(reconstruction=self.body(z))


class Distance:
    """The Frechet distance of generated images to the test images."""

    def __init__(self, file: Path, real: torch.Tensor, samples: int) -> None:
        from bench.evaluation.feature_network import load_extractor

        self.network, self.samples = load_extractor(file.read_bytes()), samples
        self.real = self.moments(real)

    def moments(self, images: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        features = torch.cat([self.network(batch) for batch in images.split(500)]).double().numpy()
        return features.mean(0), np.cov(features, rowvar=False)

    @torch.no_grad()
    def __call__(self, model: Any) -> float:
        from scipy.linalg import sqrtm

        model.eval()
        codes = torch.randn(self.samples, LATENT)
        images = torch.cat([model.decoder(z).reconstruction for z in codes.split(500)])
        (m, c), (n, d) = self.moments(((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)), self.real
        model.train()
        return float(((m - n) ** 2).sum() + np.trace(c + d - 2 * np.real(sqrtm(c @ d))))


def build(name: str) -> Any:
    from pythae import models

    shape = {"input_dim": (1, 28, 28), "latent_dim": LATENT}
    if name == "wae_mmd":
        return models.WAE_MMD(models.WAE_MMD_Config(**shape, reg_weight=0.1), Encoder(1), Decoder())
    if name == "aae":
        config = models.Adversarial_AE_Config(**shape, deterministic_posterior=True)
        return models.Adversarial_AE(config, Encoder(1), Decoder())
    return models.VAE(models.VAEConfig(**shape), Encoder(2), Decoder())


def trained(name: str, seed: int, images: torch.Tensor, distance: Distance, asked: argparse.Namespace) -> list[float]:
    """The distances along one training."""
    from pythae.pipelines import TrainingPipeline
    from pythae.trainers import AdversarialTrainerConfig, BaseTrainerConfig
    from pythae.trainers.training_callbacks import TrainingCallback

    total = len(images) // BATCH * asked.epochs
    points = {math.ceil(total * k * k / POINTS**2) for k in range(1, POINTS + 1)}
    values: list[float] = []

    class Evaluate(TrainingCallback):
        step = 0

        def on_train_step_end(self, training_config: Any, **others: Any) -> None:
            del training_config
            self.step += 1
            if self.step in points:
                values.append(distance(others["model"]))

    common = {
        "output_dir": str(asked.out / f"{name}-{seed}"),
        "num_epochs": asked.epochs,
        "per_device_train_batch_size": BATCH,
        "seed": seed,
        "no_cuda": True,
    }
    adversarial = name == "aae"
    config = AdversarialTrainerConfig(**common) if adversarial else BaseTrainerConfig(**common, learning_rate=1e-3)
    torch.manual_seed(seed)
    started = time.perf_counter()
    TrainingPipeline(build(name), config)(images / 127.5 - 1, callbacks=[Evaluate()])
    print(f"{name} seed {seed}: {time.perf_counter() - started:.1f} s", flush=True)
    return values


def draw(curves: dict[str, list[list[float]]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    for name, each in curves.items():
        plt.plot(np.mean(each, axis=0), label=name)
    plt.legend()
    plt.savefig(path)


if __name__ == "__main__":
    main()
