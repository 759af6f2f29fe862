"""The training of the network in feature_network.py: fixed steps, seeded, one thread, so that it is reproducible."""

import io
import json
import time

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from bench.data.images import to_unit
from bench.data.prepared import Prepared
from bench.errors import say
from bench.evaluation.feature_network import Classifier, Description
from bench.runtime.rng import forked

BATCH = 128
THREADS = 1  # fixed: the result depends on it, and two threads wait for each other on a busy machine
RECIPE = 4  # increase it with every change of the training: networks cached under another recipe are not used
TURNS = 4  # rotations of an image, by quarters of a full turn
STANDARDISED = 10_000  # training images whose features set the mean and standard deviation


def train_extractor(data: Prepared, kind: str, steps: int, seed: int = 0) -> bytes:
    """Train on the train split in float32, and return the bytes of the file to store.

    Args:
        data: the prepared data set.
        kind: "classifier", which predicts the data set's labels, or "rotation".
        steps: the number of training steps.
        seed: seeds the weights, the order of images and the rotations.
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
    name = "classifier" if kind == "classifier" else "rotation network"
    say(f"training the {name} whose features compare images ({steps} steps; cached for this data set)")
    started = time.perf_counter()
    _fit(network, data, kind, steps)
    accuracy = _accuracy(network, data, kind)
    images = torch.from_numpy(data.images("train")[:STANDARDISED])
    features = torch.cat([_features(network, batch) for batch in images.split(BATCH)])
    say(f"accuracy on test images: {accuracy:.1%} ({time.perf_counter() - started:.0f} s)")
    description: Description = {
        "kind": "classifier" if kind == "classifier" else "rotation",
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
        # The bound keeps a feature that is nearly constant on real images from outweighing all others.
        "std": std.clamp_min(max(0.1 * float(std.median()), 1e-6)),
        "about": json.dumps(description),
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def _fit(network: Classifier, data: Prepared, kind: str, steps: int) -> None:
    images = torch.from_numpy(data.images("train"))
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    order = torch.cat([torch.randperm(len(images)) for _ in range(-(-steps * BATCH // len(images)))])
    flips = kind == "classifier" and data.shape[0] == 3  # mirroring suits photographs, but not digits or rotations
    labels = _labels(data, "train", kind)
    for step in range(steps):
        rows = order[step * BATCH : (step + 1) * BATCH]
        batch, targets = (images[rows], labels[rows]) if labels is not None else rotated_randomly(images[rows])
        batch = batch.flip(3) if flips and step % 2 else batch
        optimizer.zero_grad()
        cross_entropy(network.head(network(to_unit(batch))), targets, label_smoothing=0.1).backward()
        optimizer.step()
        schedule.step()
    network.eval()


def _labels(data: Prepared, split: str, kind: str) -> Tensor | None:
    return torch.from_numpy(data.labels(split)) if kind == "classifier" else None


def rotated_randomly(images: Tensor) -> tuple[Tensor, Tensor]:
    """Rotate each image [n, c, s, s] counterclockwise by 0 to 3 random quarter turns.

    Returns:
        The rotated images, and the number of quarter turns of each, int64 [n].
    """
    quarters = torch.randint(0, TURNS, (len(images),))
    images = images.clone()
    for k in range(1, TURNS):
        images[quarters == k] = images[quarters == k].rot90(k, (2, 3))
    return images, quarters


@torch.no_grad()
def _features(network: Classifier, images: Tensor) -> Tensor:
    return network(to_unit(images))


def _accuracy(network: Classifier, data: Prepared, kind: str) -> float:
    """Accuracy on the test split; for a rotation network at one random rotation of every image."""
    images, labels = torch.from_numpy(data.images("test")), _labels(data, "test", kind)
    correct = 0
    for rows in torch.arange(len(images)).split(BATCH):
        batch, targets = (images[rows], labels[rows]) if labels is not None else rotated_randomly(images[rows])
        with torch.no_grad():
            correct += int((network.head(_features(network, batch)).argmax(1) == targets).sum())
    return correct / len(images)
