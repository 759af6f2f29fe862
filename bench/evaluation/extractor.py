"""Features in which images are compared: those of a small network, trained here on the data set itself.

Where images have labels it classifies them, and its distance is called `fd_classifier`; elsewhere it tells by how much
an image was turned (Gidaris et al., arXiv 1803.07728), and its distance is called `fd_rotation`. It needs no download
and is the same for every method of an experiment, but it is not comparable with a published FID, nor between data sets.
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
FILE = "extractor.pt"
TURNS = 4  # quarters of a turn


class Classifier(nn.Module):
    """Three convolutions, 64 features, one linear layer. Images [n, c, s, s] in [-1, 1] -> features [n, 64], >= 0.

    The first brings large images down to about 32x32, so that they cost little more than small ones.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, width: int = 16) -> None:
        super().__init__()
        channels, side, _ = shape
        stride = max(1, side // 32)
        side = -(-(side // stride) // 4)  # each of the other two halves, rounding up
        self.body = nn.Sequential(
            *_block(channels, width, stride + 2, stride),
            *_block(width, 2 * width, 3, 2),
            *_block(2 * width, 4 * width, 3, 2),
            nn.Flatten(),
            nn.Linear(4 * width * side * side, FEATURES),
        )
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.body(x))


def _block(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, stride, 1), nn.BatchNorm2d(outputs), nn.ReLU()]


@dataclass(frozen=True)
class Extractor:
    """A trained network and the standardisation of its features by the real training images.

    `sha256` is of the stored file; `about` says what it was trained on, and as what ("classifier" or "rotation").
    """

    network: Classifier
    mean: Tensor
    std: Tensor
    about: dict[str, Any]
    sha256: str

    @property
    def name(self) -> str:
        return self.about["kind"]

    @property
    def column(self) -> str:
        """The column of the distance in its features."""
        return f"fd_{self.name}"

    def to(self, device: torch.device) -> "Extractor":
        return Extractor(self.network.to(device), self.mean.to(device), self.std.to(device), self.about, self.sha256)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 images [n, c, h, w] -> standardised features [n, 64] and class probabilities [n, classes]."""
        features = self.network(to_unit(images))
        return (features - self.mean) / self.std, self.network.head(features).softmax(1)


def train_extractor(data: Prepared, kind: str, steps: int) -> bytes:
    """Train on the train split: fixed steps, float32, one thread, seeded. Returns the file to store.

    Args:
        kind: "classifier", of the data set's labels, or "rotation".
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with forked(0):
            return _train(data, kind, steps)
    finally:
        torch.set_num_threads(threads)


def _train(data: Prepared, kind: str, steps: int) -> bytes:
    classes = len(data.classes) if kind == "classifier" else TURNS
    network = Classifier(data.shape, classes)
    what = "classifier" if kind == "classifier" else "rotation network"
    print(
        f"training the {what} whose features compare images ({steps} steps; --extractor uses a stored one)", flush=True
    )
    started = time.perf_counter()
    _fit(network, data, kind, steps)
    accuracy = _accuracy(network, data, kind)
    images = torch.from_numpy(data.images("train")[:10000])
    features = torch.cat([_features(network, batch) for batch in images.split(BATCH)])
    print(f"its accuracy on test images: {accuracy:.1%} ({time.perf_counter() - started:.0f} s)", flush=True)
    about = {
        "kind": kind,
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


def _fit(network: Classifier, data: Prepared, kind: str, steps: int) -> None:
    images = torch.from_numpy(data.images("train"))
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    order = torch.randperm(len(images))
    labels = _labels(data, "train", kind)
    for step in range(steps):
        rows = order[torch.arange(step * BATCH, (step + 1) * BATCH) % len(images)]
        batch, targets = (images[rows], labels[rows]) if labels is not None else turned(images[rows])
        optimizer.zero_grad()
        cross_entropy(network.head(network(to_unit(batch))), targets).backward()
        optimizer.step()
        schedule.step()
    network.eval()


def _labels(data: Prepared, split: str, kind: str) -> Tensor | None:
    return torch.from_numpy(data.labels(split)) if kind == "classifier" else None


def turned(images: Tensor) -> tuple[Tensor, Tensor]:
    """Turn each image [n, c, s, s] by a random number of quarters, 0 to 3, counterclockwise; the images and numbers."""
    quarters = torch.randint(0, TURNS, (len(images),))
    images = images.clone()
    for k in range(1, TURNS):
        images[quarters == k] = images[quarters == k].rot90(k, (2, 3))
    return images, quarters


@torch.no_grad()
def _features(network: Classifier, images: Tensor) -> Tensor:
    return network(to_unit(images))


def _accuracy(network: Classifier, data: Prepared, kind: str) -> float:
    """On the test split; of a rotation network, at one random turn of every image."""
    images, labels = torch.from_numpy(data.images("test")), _labels(data, "test", kind)
    right = 0
    for rows in torch.arange(len(images)).split(BATCH):
        batch, targets = (images[rows], labels[rows]) if labels is not None else turned(images[rows])
        with torch.no_grad():
            right += int((network.head(_features(network, batch)).argmax(1) == targets).sum())
    return right / len(images)


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
