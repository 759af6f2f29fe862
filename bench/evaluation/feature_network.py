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
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bench.data.images import to_unit
from bench.data.prepared import Prepared
from bench.errors import UserError
from bench.io import tensors
from bench.io.files import sha256
from bench.runtime.rng import forked

FEATURES = 64
BATCH = 128
THREADS = 1  # always: the result depends on it, and two wait for each other where the machine is busy
RECIPE = 4  # a cached network of another recipe is not used
FILE = "extractor.pt"
TURNS = 4  # quarters of a turn


class Classifier(nn.Module):
    """Three convolutions, each with max pooling, 64 features, one linear layer.

    Images [n, c, s, s] in [-1, 1] -> features [n, 64], >= 0. The first convolution brings large images down to about
    32x32, so that they cost little more than small ones.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, width: int = 16) -> None:
        super().__init__()
        channels, side, _ = shape
        stride = max(1, side // 32)
        side = -(-(side // stride) // 8)  # each pooling halves, rounding up
        self.body = nn.Sequential(
            *_block(channels, width, stride + 2, stride),
            *_block(width, 2 * width, 3, 1),
            *_block(2 * width, 4 * width, 3, 1),
            nn.Flatten(),
            nn.Linear(4 * width * side * side, FEATURES),
        )
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.body(x.contiguous(memory_format=torch.channels_last)))


def _block(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, 1, bias=False)
    # The maximum before the ReLU: the same values, for a quarter of the work.
    return [convolution, nn.BatchNorm2d(outputs), nn.MaxPool2d(2, ceil_mode=True), nn.ReLU()]


@dataclass(frozen=True)
class Trained:
    """A trained network and the standardisation of its features by the real training images.

    `sha256` is of the stored file; `about` says what it was trained on, and as what ("classifier" or "rotation").
    """

    network: Classifier
    mean: Tensor
    std: Tensor
    about: dict[str, Any]
    sha256: str
    dim: int = FEATURES
    precision: str = "fp32"

    @property
    def name(self) -> str:
        return self.about["kind"]

    @property
    def accuracy(self) -> float:
        """Share of the test images that it names rightly."""
        return self.about["test_accuracy"]

    def to(self, device: torch.device) -> "Trained":
        return Trained(self.network.to(device), self.mean.to(device), self.std.to(device), self.about, self.sha256)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """uint8 images [n, c, h, w] -> standardised features [n, 64]."""
        return (self.network(to_unit(images)) - self.mean) / self.std


def train_extractor(data: Prepared, kind: str, steps: int, seed: int = 0) -> bytes:
    """Train on the train split: fixed steps, float32, one thread, seeded. Returns the file to store.

    Args:
        kind: "classifier", of the data set's labels, or "rotation".
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        with forked(seed):
            return _train(data, kind, steps)
    finally:
        torch.set_num_threads(threads)


def _train(data: Prepared, kind: str, steps: int) -> bytes:
    classes = len(data.classes) if kind == "classifier" else TURNS
    network = Classifier(data.shape, classes).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    what = "classifier" if kind == "classifier" else "rotation network"
    print(f"training the {what} whose features compare images ({steps} steps; kept for this data set)", flush=True)
    started = time.perf_counter()
    _fit(network, data, kind, steps)
    accuracy = _accuracy(network, data, kind)
    images = torch.from_numpy(data.images("train")[:10000])
    features = torch.cat([_features(network, batch) for batch in images.split(BATCH)])
    print(f"its accuracy on test images: {accuracy:.1%} ({time.perf_counter() - started:.0f} s)", flush=True)
    about = {
        "kind": kind,
        "dataset": data.sidecar.dataset,
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
        # A feature that hardly ever fires on real images must not outweigh all others.
        "std": std.clamp_min(max(0.1 * float(std.median()), 1e-6)),
        "about": json.dumps(about),
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def _fit(network: Classifier, data: Prepared, kind: str, steps: int) -> None:
    images = torch.from_numpy(data.images("train"))
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    order = torch.cat([torch.randperm(len(images)) for _ in range(-(-steps * BATCH // len(images)))])
    flips = kind == "classifier" and data.shape[0] == 3  # a photograph may be mirrored; a digit, or what turns, not
    labels = _labels(data, "train", kind)
    for step in range(steps):
        rows = order[step * BATCH : (step + 1) * BATCH]
        batch, targets = (images[rows], labels[rows]) if labels is not None else turned(images[rows])
        batch = batch.flip(3) if flips and step % 2 else batch
        optimizer.zero_grad()
        cross_entropy(network.head(network(to_unit(batch))), targets, label_smoothing=0.1).backward()
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


def load_extractor(stored: bytes) -> Trained:
    """The extractor in a file's bytes. UserError where it is not one."""
    try:
        state = tensors.load(stored)
        about = json.loads(state["about"])
        if about["kind"] not in ("classifier", "rotation") or not 0 <= about["test_accuracy"] <= 1:
            raise ValueError("it says that it is something else")
        with tensors.on_meta_device(len(stored)):
            network = Classifier(tuple(about["shape"]), about["classes"])
        mean, std = state["mean"], state["std"]
        if not tensors.state_matches(state["network"], network) or not mean.shape == std.shape == (FEATURES,):
            raise ValueError("its weights are of another network")
        network.load_state_dict(state["network"], assign=True)
    except Exception as error:
        raise UserError(f"not an extractor stored by bench.run ({type(error).__name__})") from error
    return Trained(folded(network), mean, std, about, sha256(stored))


def folded(network: Classifier) -> Classifier:
    """For measuring: each batch normalisation folded into its convolution, which changes values by rounding alone."""
    network.eval().requires_grad_(False)
    layers = list(network.body)
    for i, layer in enumerate(layers):
        if isinstance(layer, nn.Conv2d):
            norm = layers[i + 1]
            assert isinstance(norm, nn.BatchNorm2d)
            layers[i : i + 2] = [fuse_conv_bn_eval(layer, norm), nn.Identity()]
    network.body = nn.Sequential(*layers)
    return network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
