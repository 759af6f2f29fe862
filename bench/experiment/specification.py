"""The specification of a trial: everything that decides its result, validated once.

It is validated when a trial is planned or when spec.json is read, and dumped only into spec.json.
"""

import json
import re
from dataclasses import dataclass

from bench.experiment.settings import Evaluation, Network, PositiveFloat, PositiveInt, Preprocessing, Training
from bench.io.files import sha256
from bench.io.schema import Document, Hash, Label, Line, Name, Value, Whole, validate

CHECKPOINT_FORMAT = 1  # of the content of checkpoints; raised by every change that makes older checkpoints useless


class DatasetIdentity(Document):
    """Which data set: its name, and the sha256 of its source files and preprocessing."""

    name: Name
    fingerprint: Hash


class TrialSpec(Document):
    """What decides a trial's result.

    Attributes:
        learning_rate: the trial's own; older documents have only the experiment's (`training.learning_rate`).
        dataset: None in documents of early versions.
        threads: CPU threads of the trial, which decide the order of sums.
    """

    method: Name
    hyperparameters: dict[Name, Value] = {}
    prior: Name
    learning_rate: PositiveFloat | None = None
    dataset: DatasetIdentity | None = None
    preprocessing: Preprocessing = Preprocessing()
    network: Network = Network()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    threads: PositiveInt = 1
    seed: Whole

    @property
    def optimisation(self) -> Training:
        """The training section, with the trial's own learning rate."""
        rate = self.learning_rate or self.training.learning_rate
        return self.training.model_copy(update={"learning_rate": rate})


class MethodSource(Document):
    """The file of a method and its sha256. It is outside the specification, so that changed code is noticed."""

    file: Line
    sha256: Line


class SpecDocument(Document):
    """spec.json."""

    id: Name
    format: Whole = 1
    label: Label
    source: MethodSource
    spec: TrialSpec


PROTOCOL = ("dataset", "preprocessing", "network", "training", "evaluation", "threads")


@dataclass(frozen=True)
class Trial:
    """One training: its specification, the label of its variant, and the source of its method."""

    spec: TrialSpec
    label: str
    source: MethodSource
    id: str
    format: int = CHECKPOINT_FORMAT

    @classmethod
    def plan(cls, spec: TrialSpec, label: str, source: MethodSource) -> "Trial":
        """A new trial. Its id is the sha256 of its specification, never of place, time or order."""
        id = sha256(json.dumps(spec.model_dump(), sort_keys=True).encode())[:10]
        return cls(spec, label, source, id)

    @classmethod
    def parse(cls, value: object, origin: object) -> "Trial":
        """The trial that spec.json describes.

        Raises:
            Malformed: the document is not one that bench.run writes.
        """
        document = validate(value, SpecDocument, origin)
        return cls(document.spec, document.label, document.source, document.id, document.format)

    @property
    def name(self) -> str:
        """The name of its folder."""
        slug = re.sub(r"[^A-Za-z0-9.]+", "-", self.label).strip("-")[:60]
        return f"{slug}-s{self.spec.seed}-{self.id}"

    @property
    def protocol(self) -> dict[str, object]:
        """What all trials of an experiment share, as plain data: what makes their numbers comparable."""
        return self.spec.model_dump(include=set(PROTOCOL))

    @property
    def document(self) -> dict[str, object]:
        """The content of spec.json."""
        return {
            "id": self.id,
            "format": self.format,
            "label": self.label,
            "source": self.source.model_dump(),
            "spec": self.spec.model_dump(),
        }

    def __str__(self) -> str:
        return f"{self.label} seed {self.spec.seed}"
