"""The specification of a trial: everything that determines its result.

It is validated when a trial is planned or spec.json is read, and serialised only for spec.json.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from bench.experiment.settings import Evaluation, Network, PositiveFloat, PositiveInt, Preprocessing, Training
from bench.io.files import sha256
from bench.io.schema import Hash, Label, Line, Location, Name, Note, StrictModel, Value, Whole, validate

CHECKPOINT_FORMAT = 1  # version of the checkpoint format; increase it if older checkpoints can no longer be loaded


# Settings that version 0.1 did not have, at the values that it implied. Trials with these values keep their old ids.
LATER_SETTINGS: dict[str, dict[str, object]] = {
    "training": {
        "weight_units": "absolute",
        "optimiser": "adam",
        "optimiser_options": {},
        **{"steps": None, "images": None, "seconds": None},
    },
    "network": {"scaled_codes": False, "equal_dimensions": False},
    "evaluation": {"metrics": [], "held_out": 1000, "reconstructions": 10_000},
}
LATER_HYPERPARAMETERS: dict[str, dict[str, object]] = {"mmd": {"kernels": 7}}  # likewise, of methods
OLDEST_LEARNING_RATE = 1e-3
DETERMINED = {"dataset": {"weight_unit", "train_images"}}  # follows from the fingerprint


def with_later_settings(document: Mapping[str, object]) -> dict[str, object]:
    """Return a protocol or specification, as plain data, with LATER_SETTINGS wherever a section lacks them."""
    completed = dict(document)
    for name, settings in LATER_SETTINGS.items():
        section = document.get(name) or {}
        if isinstance(section, Mapping):
            completed[name] = {**settings, **section}
    return completed


class DatasetIdentity(StrictModel):
    """A data set: its name, and the sha256 of its source files and preprocessing.

    Attributes:
        weight_unit: the unit of penalty weights, in units of the reconstruction error (`training.weight_units`). None
            if it is not known yet, because the images have not been prepared.
        train_images: number of training images; None like `weight_unit`.
    """

    name: Name
    fingerprint: Hash
    weight_unit: PositiveFloat | None = None
    train_images: PositiveInt | None = None


class TrialSpec(StrictModel):
    """Everything that determines a trial's result.

    Attributes:
        learning_rate: of this trial. None in the oldest documents, which have only `training.learning_rate`.
        dataset: None in documents of early versions.
        threads: CPU threads. They affect results, because they determine the order of floating-point sums.
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

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, document: object) -> object:
        """Add what documents of older versions lack."""
        if not isinstance(document, Mapping):
            return document
        completed, given = with_later_settings(document), document.get("hyperparameters") or {}
        if isinstance(given, Mapping):
            completed["hyperparameters"] = {**LATER_HYPERPARAMETERS.get(str(document.get("method")), {}), **given}
        return completed

    @property
    def optimisation(self) -> Training:
        """The training section, with the learning rate of this trial."""
        rate = self.learning_rate or self.training.learning_rate or OLDEST_LEARNING_RATE
        return self.training.model_copy(update={"learning_rate": rate})


class CodeSource(StrictModel):
    """Where something is defined, and the sha256 of the code that it reaches (`bench.experiment.source_code`).

    Attributes:
        name: the definition in the file. None in documents of version 0.1, which have the sha256 of the file.
        modules: module -> hash of the code in it; empty in documents of older versions.
    """

    file: Location
    name: Line | None = None
    sha256: Line
    modules: dict[Note, Hash] = {}


class MethodSource(CodeSource):
    """The code of a trial: that of its method, and that of everything else that plug-ins gave it.

    It is not part of the specification: a trial keeps its id if the code changes, and the change is detected.

    Attributes:
        plugins: a kind and a name, such as "network dense" -> its code. Not written if it is empty.
    """

    plugins: dict[Note, CodeSource] = {}

    @model_serializer(mode="wrap")
    def _without_empty(self, serialise: SerializerFunctionWrapHandler) -> dict[str, object]:
        return {name: value for name, value in serialise(self).items() if name != "plugins" or value}

    @property
    def digest(self) -> str:
        """A hash of all this code; that of the method's code alone if no plug-in gave anything else."""
        hashes = [self.sha256, *(f"{name} {code.sha256}" for name, code in sorted(self.plugins.items()))]
        return sha256("\n".join(hashes).encode()) if self.plugins else self.sha256


class SpecDocument(StrictModel):
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
        """Return a new trial. Its id depends on its specification alone, not on the machine, time or order."""
        content = spec.model_dump(exclude=DETERMINED)
        later = LATER_SETTINGS | {"hyperparameters": LATER_HYPERPARAMETERS.get(spec.method, {})}
        for name, settings in later.items():
            content[name] = {key: value for key, value in content[name].items() if settings.get(key, ...) != value}
        return cls(spec, label, source, id=sha256(json.dumps(content, sort_keys=True).encode())[:10])

    @classmethod
    def parse(cls, value: object, origin: object) -> "Trial":
        """Return the trial that a parsed spec.json describes.

        Raises:
            Malformed: bench.run did not write the document.
        """
        document = validate(value, SpecDocument, origin)
        return cls(document.spec, document.label, document.source, document.id, document.format)

    @property
    def name(self) -> str:
        """The name of the trial folder."""
        slug = re.sub(r"[^A-Za-z0-9.]+", "-", self.label).strip("-")[:60]
        return f"{slug}-s{self.spec.seed}-{self.id}"

    @property
    def protocol(self) -> dict[str, object]:
        """The settings that all trials of an experiment share, as plain data. They make results comparable."""
        return self.spec.model_dump(include=set(PROTOCOL), exclude=DETERMINED)

    @property
    def document(self) -> SpecDocument:
        """The content of spec.json.

        Raises:
            ValidationError: no reader would accept a value.
        """
        return SpecDocument(id=self.id, format=self.format, label=self.label, source=self.source, spec=self.spec)

    def __str__(self) -> str:
        return f"{self.label} seed {self.spec.seed}"
