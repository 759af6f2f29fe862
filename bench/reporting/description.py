"""Descriptions of experiments (protocol, commands, methods): comparing, summarising and merging them."""

import json
from collections.abc import Iterable
from dataclasses import replace

from bench.errors import plural
from bench.experiment.settings import Training
from bench.store.documents import Description


def comparable(description: Description) -> dict[str, object]:
    """Return the protocol without the extractor, since `bench.analysis.protocols` separates extractors by value."""
    return {key: value for key, value in description.written.items() if key != "extractor_sha256"}


def protocol_key(description: Description) -> str:
    """Return a key that is equal for experiments whose trials can be compared."""
    return json.dumps(comparable(description), sort_keys=True)


def protocol_line(description: Description) -> str:
    """Summarise the protocol in one line: 'digits 8x8x1, small network of width 32, latent 8, 30 epochs, ...'."""
    protocol = description.protocol
    images, network, training = protocol.preprocessing, protocol.network, protocol.training
    size = f" {images.image_size}x{images.image_size}x{images.channels}" if images else ""
    phrases = [protocol.dataset.name + size]
    if network:
        phrases.append(f"{network.name} network of width {network.width}, latent {network.latent_dim}")
    if training:
        subset = f" of {plural(training.train_images, 'image')}" if training.train_images else ""
        phrases.append(f"{budget_text(training)}{subset}")
        phrases.append(f"batch {training.batch_size}, {training.schedule} schedule, {training.precision}")
    return ", ".join(phrases)


def budget_text(training: Training) -> str:
    """Return the length of a training: '30 epochs', '1,000 steps', '60,000 training images' or '600 s of training'."""
    if training.seconds is not None:
        return f"{training.seconds:,g} s of training"
    amounts = {"epoch": training.epochs, "step": training.steps, "training image": training.images}
    return next(plural(amount, unit) for unit, amount in amounts.items() if amount is not None)


def merged(descriptions: Iterable[Description]) -> Description:
    """Describe several experiments of one protocol: every command, method and planned trial once."""
    first, *others = descriptions
    commands = dict.fromkeys(command for each in (first, *others) for command in each.commands)
    methods = dict.fromkeys(method for each in (first, *others) for method in each.methods)
    planned: dict[str, set[int]] = {}
    for each in (first, *others):
        for label, seeds in each.planned.items():
            planned.setdefault(label, set()).update(seeds)
    listed = {label: sorted(seeds) for label, seeds in planned.items()}
    return replace(first, commands=list(commands), methods=list(methods), planned=listed)
