"""The documents of an experiment on disk, as types. Each is validated where it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from bench.experiment.settings import Evaluation, Network, Preprocessing, Training
from bench.experiment.specification import DatasetIdentity
from bench.io.schema import Document, Hash, Line, Whole, validate
from bench.store.states import State


class Attempt(Document):
    """One process that trained a trial: when and where it began, and the step from which it continued."""

    from_step: Whole | None = None
    started: Line
    host: Line | None = None
    pid: Whole | None = None


class Status(Document):
    """status.json.

    Attributes:
        token: the key of the attempt that may write; every write presents it.
        stale: another version of the project began the trial, and only that version can continue it.
    """

    state: Annotated[State, Field(strict=False)]  # a string in the file
    reason: str | None = None
    token: Line | None = None
    attempts: list[Attempt] = []
    stale: bool = False
    updated: Line | None = None


@dataclass(frozen=True)
class Ending:
    """How an attempt ended.

    Attributes:
        reason: one line.
        error: the traceback, if there is one.
        stale: see `Status`.
    """

    state: State
    reason: str | None = None
    error: str | None = None
    stale: bool = False


class Git(Document):
    """The commit of the project, and whether files differed from it."""

    commit: Line | None = None
    dirty: bool | None = None


class Environment(Document):
    """environment.json: what the last attempt of a trial ran on.

    Attributes:
        concurrent_trials: how many trials may have shared the machine.
        node: the id of the cluster's node.
        data: the folder of the prepared data set.
        replayed: whether steps were replayed as a CUDA graph; older trials do not say.
    """

    python: Line
    packages: dict[str, Line | None]
    git: Git
    host: Line | None = None
    processor: Line
    cpu_capability: Line | None = None
    device: Line
    threads: Whole
    concurrent_trials: Whole
    node: Line | None = None
    data: Line | None = None
    replayed: bool | None = None


class ExperimentProtocol(Document):
    """What all trials of an experiment share. Sections are missing in documents of early versions."""

    dataset: DatasetIdentity
    preprocessing: Preprocessing | None = None
    network: Network | None = None
    training: Training | None = None
    evaluation: Evaluation
    threads: Whole | None = None
    extractor_sha256: Hash


class DescriptionDocument(Document):
    """experiment.yaml."""

    commands: list[str] = []
    methods: list[str] = []
    seeds: Whole = 0
    skipped_images: Whole = 0
    storage: str | None = None
    protocol: ExperimentProtocol


@dataclass(frozen=True)
class Description:
    """What experiment.yaml says of an experiment.

    Attributes:
        commands: every command so far. methods: the labels of all variants. seeds: per variant.
        skipped_images: images of the data set that could not be used.
        storage: the object store that holds the trials, without credentials.
        written: the protocol as it was written. Others are compared with it, and a key that an older version did not
            write counts as a difference.
    """

    commands: list[str]
    methods: list[str]
    seeds: int
    skipped_images: int
    storage: str | None
    protocol: ExperimentProtocol
    written: dict[str, object]

    @classmethod
    def parse(cls, value: object, origin: object) -> "Description":
        """Read a parsed experiment.yaml.

        Raises:
            Malformed: bench.run did not write it.
        """
        document = validate(value, DescriptionDocument, origin)
        assert isinstance(value, Mapping)  # `validate` has refused anything else
        fields = {name: getattr(document, name) for name in type(document).model_fields}
        return cls(**fields, written=value["protocol"])

    @property
    def document(self) -> dict[str, object]:
        """The content of experiment.yaml."""
        storage = {"storage": self.storage} if self.storage else {}
        return {
            "commands": self.commands,
            "methods": self.methods,
            "seeds": self.seeds,
            "skipped_images": self.skipped_images,
            **storage,
            "protocol": self.written,
        }
