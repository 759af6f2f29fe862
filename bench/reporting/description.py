"""What an experiment records about itself in experiment.yaml: its protocol and commands."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from bench.analysis.frames import Record
from bench.store.folders import ExperimentFolder


@dataclass(frozen=True)
class Description:
    """The protocol of one experiment, or of several with the same protocol.

    Attributes:
        protocol: the sections of the protocol, such as "dataset" and "training".
        commands: every bench.run command that trained these trials.
        skipped_images: number of unusable images in the data set.
    """

    protocol: Record
    commands: tuple[str, ...] = ()
    skipped_images: int = 0

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return self.protocol["dataset"]["name"]

    @property
    def evaluation(self) -> Record:
        """The section "evaluation" of the protocol."""
        return self.protocol["evaluation"]

    @property
    def target(self) -> float | None:
        """The target distance, if the protocol fixes one."""
        return self.evaluation.get("target")

    @property
    def comparable(self) -> Record:
        """The protocol without extractors: `bench.analysis.protocols.separate` separates these value by value."""
        return {key: value for key, value in self.protocol.items() if key != "extractor_sha256"}

    @property
    def key(self) -> str:
        """Equal for experiments whose trials can be compared."""
        return json.dumps(self.comparable, sort_keys=True)

    @property
    def line(self) -> str:
        """What all trials share, in a line: 'digits 8x8x1, small network of width 32, latent 8, 30 epochs, ...'."""
        images, network, training = (self.protocol.get(name, {}) for name in ("preprocessing", "network", "training"))
        size = " {image_size}x{image_size}x{channels}".format(**images) if images else ""
        phrases = [self.dataset + size]
        if network:
            phrases.append("{name} network of width {width}, latent {latent_dim}".format(**network))
        if training:
            subset = f" of {training['train_images']:,} images" if training["train_images"] else ""
            phrases.append(f"{training['epochs']} epochs{subset}")
            phrases.append("batch {batch_size}, {schedule} schedule, {precision}".format(**training))
        return ", ".join(phrases)


def read(folder: ExperimentFolder) -> Description | None:
    """Read experiment.yaml; None if the folder is not an experiment."""
    document = folder.description()
    if not document:
        return None
    commands, skipped = document.get("commands", ()), document.get("skipped_images") or 0
    return Description(document["protocol"], tuple(commands), skipped)


def merged(descriptions: Iterable[Description]) -> Description:
    """Describe several experiments of one protocol: every command once."""
    first, *others = descriptions
    commands = [command for each in (first, *others) for command in each.commands]
    return replace(first, commands=tuple(dict.fromkeys(commands)))
