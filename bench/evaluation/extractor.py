"""Features in which images are compared: a small classifier, trained here on the data set's own labels.

Its distance is called `fd_classifier`. It needs no download and is the same for every method of an experiment, but it
is not comparable with a published FID, nor between data sets.
"""

import io
import json
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu

from bench.data import Prepared
from bench.errors import UserError
from bench.files import sha256
from bench.images import to_unit
from bench.rng import forked

FEATURES = 64
BATCH = 128
FILE = "classifier.pt"


class Classifier(nn.Module):
    """Three convolutions, 64 features, one linear layer. Images [n, c, h, w] in [-1, 1] -> features [n, 64], >= 0."""

    def __init__(self, shape: tuple[int, int, int], classes: int, width: int = 16) -> None:
        super().__init__()
        channels, height, _ = shape
        side = -(-height // 4)  # each stride-2 convolution halves, rounding up
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 3, 1, 1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, 2, 1),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.Conv2d(2 * width, 4 * width, 3, 2, 1),
            nn.BatchNorm2d(4 * width),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(4 * width * side * side, FEATURES),
        )
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.body(x))


@dataclass(frozen=True)
class Extractor:
    """A trained classifier and the standardisation of its features by the real training images.

    `sha256` is of the stored file; `about` says what it was trained on.
    """

    network: Classifier
    mean: Tensor
    std: Tensor
    about: dict[str, Any]
    sha256: str

    name = "classifier"

    def to(self, device: torch.device) -> "Extractor":
        return Extractor(self.network.to(device), self.mean.to(device), self.std.to(device), self.about, self.sha256)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 images [n, c, h, w] -> standardised features [n, 64] and class probabilities [n, classes]."""
        features = self.network(to_unit(images))
        return (features - self.mean) / self.std, self.network.head(features).softmax(1)


def train_classifier(data: Prepared, steps: int) -> bytes:
    """Train on the train split: fixed steps, float32, one thread, seeded. Returns the file to store."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with forked(0):
            return _train(data, steps)
    finally:
        torch.set_num_threads(threads)


def _train(data: Prepared, steps: int) -> bytes:
    images, labels = torch.from_numpy(data.images("train")), torch.from_numpy(data.labels("train"))
    classes = int(labels.max()) + 1
    network = Classifier(data.shape, classes)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    print(
        f"training the classifier whose features compare images ({steps} steps; --extractor uses a stored one)",
        flush=True,
    )
    started = time.perf_counter()
    order = torch.randperm(len(images))
    for step in range(steps):
        rows = order[torch.arange(step * BATCH, (step + 1) * BATCH) % len(images)]
        optimizer.zero_grad()
        cross_entropy(network.head(network(to_unit(images[rows]))), labels[rows]).backward()
        optimizer.step()
        schedule.step()
    network.eval()
    accuracy = _accuracy(network, data)
    features = torch.cat([_features(network, batch) for batch in images[:10000].split(500)])
    print(f"its accuracy on test images: {accuracy:.1%} ({time.perf_counter() - started:.0f} s)", flush=True)
    about = {
        "dataset": data.sidecar["dataset"],
        "fingerprint": data.fingerprint,
        "shape": list(data.shape),
        "classes": classes,
        "steps": steps,
        "test_accuracy": accuracy,
    }
    std = features.std(0)
    state = {
        "network": network.state_dict(),
        "mean": features.mean(0),
        # A feature that never fires on real images keeps its own unit instead of an infinite one.
        "std": torch.where(std > 0, std, torch.ones_like(std)),
        "about": json.dumps(about),
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


@torch.no_grad()
def _features(network: Classifier, images: Tensor) -> Tensor:
    return network(to_unit(images))


def _accuracy(network: Classifier, data: Prepared) -> float:
    images, labels = torch.from_numpy(data.images("test")), torch.from_numpy(data.labels("test"))
    with torch.no_grad():
        guesses = torch.cat([network.head(_features(network, batch)).argmax(1) for batch in images.split(500)])
    return (guesses == labels).double().mean().item()


def load_extractor(stored: bytes) -> Extractor:
    """The extractor in a file's bytes. UserError where it is not one."""
    try:
        state = torch.load(io.BytesIO(stored), weights_only=True)
        about = json.loads(state["about"])
        network = Classifier(tuple(about["shape"]), about["classes"])
        network.load_state_dict(state["network"])
    except Exception as error:
        raise UserError(f"not an extractor stored by bench.run ({type(error).__name__})") from error
    return Extractor(network.eval().requires_grad_(False), state["mean"], state["std"], about, sha256(stored))
