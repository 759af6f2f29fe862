"""Types of the documents that an experiment stores. Documents are validated when they are read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from bench.experiment.settings import Evaluation, Network, Preprocessing, Report, Training
from bench.experiment.specification import DatasetIdentity, with_later_settings
from bench.io.schema import (
    MAX_NAME,
    Hash,
    Host,
    Line,
    Location,
    Name,
    Note,
    StrictModel,
    Text,
    Value,
    Whole,
    validate,
)
from bench.metrics import columns
from bench.store.states import State

MOST_KEPT = 100  # attempts of a trial, and commands of an experiment
Item = TypeVar("Item")


def _ends(items: list[Item]) -> list[Item]:
    """The first item and the latest ones, so that a document stays small however often a run is repeated."""
    return items if len(items) <= MOST_KEPT else [items[0], *items[1 - MOST_KEPT :]]


class Attempt(StrictModel):
    """One process that trained a trial: where and when it started, and the step from which it resumed."""

    from_step: Whole | None = None
    started: Line
    host: Host | None = None
    pid: Whole | None = None


class Status(StrictModel):
    """status.json.

    Attributes:
        token: identifies the attempt that may write to the folder; every write must present it.
        stale: another version of the project started the trial, and only that version can resume it.
        rows_sha256: hash of history.parquet when the trial ended. A worker that stood still inside a write may replace
            the file after that; then the trial is not done. None in trials of version 0.1, and before the end.
    """

    state: Annotated[State, Field(strict=False)]  # a string in the file
    reason: Note | None = None
    token: Line | None = None
    attempts: Annotated[list[Attempt], AfterValidator(_ends)] = []
    stale: bool = False
    rows_sha256: Hash | None = None
    updated: Line | None = None


@dataclass(frozen=True)
class Ending:
    """How an attempt ended.

    Attributes:
        reason: one line, for the user.
        error: the traceback, if any.
        stale: see `Status`.
    """

    state: State
    reason: str | None = None
    error: str | None = None
    stale: bool = False


class Git(StrictModel):
    """The commit of the project, and whether the working tree had changes."""

    commit: Note | None = None
    dirty: bool | None = None


class Environment(StrictModel):
    """environment.json: the machine and software of the last attempt of a trial.

    Attributes:
        concurrent_trials: how many trials may have shared the machine.
        node: id of the node, on a cluster.
        data: the folder of the prepared data set.
        replayed: whether steps were replayed as a CUDA graph; None for older trials.
        evaluated_beside: whether evaluations ran beside the training, in a process that shared the machine with it.
    """

    python: Note
    packages: dict[str, Note | None]
    git: Git
    host: Host | None = None
    processor: Note
    cpu_capability: Note | None = None
    device: Note
    threads: Whole
    concurrent_trials: Whole
    node: Note | None = None
    data: Location | None = None
    replayed: bool | None = None
    evaluated_beside: bool = False


class ExperimentProtocol(StrictModel):
    """The settings that all trials of an experiment share. Documents of early versions lack some sections."""

    dataset: DatasetIdentity
    preprocessing: Preprocessing | None = None
    network: Network | None = None
    training: Training | None = None
    evaluation: Evaluation
    threads: Whole | None = None
    extractor_sha256: Hash

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, document: object) -> object:
        """Add what documents of older versions lack."""
        return with_later_settings(document) if isinstance(document, Mapping) else document


About = Annotated[str, StringConstraints(pattern=f"^[{columns.ABOUT_CHARACTERS}]*$", max_length=columns.MAX_ABOUT)]


class DeclaredMetric(StrictModel):
    """The column of a metric that a plug-in has added, so that reports need no plug-in; see `columns.Declared`."""

    of: Literal["images", "codes"]
    heading: Annotated[str, StringConstraints(pattern=f"^{columns.HEADING}$")]
    better: columns.Better
    about: About = ""
    features: bool = False
    compares: bool = False

    def declare(self, name: str) -> None:
        """Let reports know the column, unless the plug-in itself is installed."""
        if name not in columns.DECLARED:
            columns.declare(name, columns.Declared(**dict(self)))


MetricName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=MAX_NAME)]


def declarations(names: Iterable[str]) -> dict[str, DeclaredMetric]:
    """Return the columns of those metrics that plug-ins have added."""
    known = columns.DECLARED
    return {name: DeclaredMetric.model_validate(vars(known[name])) for name in names if name in known}


class DescriptionDocument(StrictModel):
    """experiment.yaml."""

    commands: Annotated[list[Text], AfterValidator(_ends)] = []
    methods: list[Text] = []
    seeds: Whole = 0
    planned: dict[Text, list[Whole]] = {}
    skipped_images: Whole = 0
    storage: Location | None = None
    defaults: dict[Text, dict[Name, Value]] = {}
    caution: Note | None = None
    report: Report = Report()
    metrics: dict[MetricName, DeclaredMetric] = {}
    protocol: ExperimentProtocol


@dataclass(frozen=True)
class Description:
    """The content of experiment.yaml.

    Attributes:
        commands: all commands so far.
        methods: labels of all variants.
        seeds: seeds per variant, at most.
        planned: variant -> the seeds that commands asked for; empty in experiments of older versions.
        skipped_images: images of the data set that could not be used.
        storage: URI of the object store that contains the trials, without credentials.
        defaults: defaults that belong to the data set, not to the methods: variant -> name -> value.
        protocol: the protocol, validated.
        written: the protocol as it was written, completed by `with_later_settings`. Comparisons use it, so that any
            other key which an older version did not write counts as a difference.
        caution: why distances between images mean little, if they do.
        report: what the report says.
        metrics: name -> the column, of metrics that plug-ins have added.
    """

    commands: list[str]
    methods: list[str]
    seeds: int
    skipped_images: int
    storage: str | None
    defaults: dict[str, dict[str, Value]]
    protocol: ExperimentProtocol
    written: dict[str, object]
    caution: str | None = None
    report: Report = field(default_factory=Report)
    metrics: dict[str, DeclaredMetric] = field(default_factory=dict)
    planned: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: object, origin: object) -> "Description":
        """Read a parsed experiment.yaml.

        Raises:
            Malformed: bench.run did not write it.
        """
        document = validate(value, DescriptionDocument, origin)
        assert isinstance(value, Mapping)  # `validate` has refused anything else
        fields = {name: getattr(document, name) for name in type(document).model_fields}
        return cls(**fields, written=with_later_settings(value["protocol"]))

    @property
    def document(self) -> dict[str, object]:
        """The document to store as experiment.yaml.

        Raises:
            ValidationError: no reader would accept a value.
        """
        fields = {name: getattr(self, name) for name in DescriptionDocument.model_fields if name != "protocol"}
        valid = DescriptionDocument.model_validate({**fields, "protocol": self.protocol})
        optional = ("storage", "defaults", "caution", "report", "metrics")
        values = valid.model_dump(include=set(fields))
        values["report"] = valid.report.model_dump(exclude_defaults=True)
        kept = {name: value for name, value in values.items() if value or name not in optional}
        return {**kept, "protocol": self.written}
