"""What the documents in results must say, at least, for anything to be made of them: checked where they are read.

More may stand in them: newer versions add keys, older ones lack some. Names are plain, so that none can be a path, a
mark of HTML, LaTeX or Markdown, or a command to a terminal; what is free text (reasons, commands) is escaped where it
is shown.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from bench.errors import short
from bench.io.untrusted import Malformed


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has control characters")
    return text


NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"  # of methods and all else that becomes part of file names and tables

Name = Annotated[str, StringConstraints(pattern=rf"^{NAME}$", max_length=100)]
Label = Annotated[str, StringConstraints(pattern=r"^\w[^`<>&\\]*$", max_length=500), AfterValidator(_printable)]
Line = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_printable)]
Hash = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,64}$")]
Whole = Annotated[int, Field(ge=0, lt=2**53)]
Number = Annotated[float, Field(ge=-1e300, le=1e300)]
Value = bool | Annotated[int, Field(gt=-(2**53), lt=2**53)] | Number | Label | None


class Part(BaseModel):
    """Strict about what it names; more may be there."""

    model_config = ConfigDict(extra="allow", strict=True)


class Source(Part):
    file: Line
    sha256: Line


class Dataset(Part):
    name: Name
    fingerprint: Hash


class Preprocessing(Part):
    image_size: Whole
    channels: Whole


class Network(Part):
    name: Name
    width: Whole
    latent_dim: Whole


class Training(Part):
    learning_rate: Number | None = None
    train_images: Whole | None = None


class Budget(Training):
    """The training of an experiment, all of which is shown."""

    epochs: Whole
    batch_size: Whole
    schedule: Name
    precision: Name


class Evaluation(Part):
    target: Number | None = None
    extractor: Name | None = None


class Protocol(Part):
    """Of an experiment: what all of its trials share."""

    dataset: Dataset
    preprocessing: Preprocessing | None = None
    network: Network | None = None
    training: Budget | None = None
    evaluation: Evaluation
    extractor_sha256: Hash


class Spec(Part):
    """What decides a trial's result."""

    method: Name
    prior: Name
    seed: Whole
    hyperparameters: dict[Name, Value] = {}
    learning_rate: Number | None = None
    dataset: Dataset | None = None
    preprocessing: Preprocessing | None = None
    network: Network | None = None
    training: Training | None = None
    evaluation: Evaluation | None = None


class Trial(Part):
    """spec.json."""

    id: Name
    label: Label
    source: Source
    spec: Spec


class Attempt(Part):
    started: Line
    from_step: Whole | None = None


class Status(Part):
    """status.json."""

    state: Literal["missing", "running", "done", "diverged", "stopped", "failed"]
    reason: str | None
    attempts: list[Attempt]
    updated: Line | None = None


class Git(Part):
    commit: Line | None
    dirty: bool | None


class Environment(Part):
    """environment.json."""

    processor: Line
    cpu_capability: Line | None = None
    device: Line
    threads: Whole
    concurrent_trials: Whole
    git: Git
    packages: dict[str, Line | None]
    python: Line
    data: Line | None = None
    replayed: bool | None = None  # steps, as a CUDA graph; trials of older versions do not say


class Experiment(Part):
    """experiment.yaml."""

    protocol: Protocol
    commands: list[str] = []
    methods: list[str] = []
    seeds: Whole = 0
    skipped_images: Whole = 0


class Split(Part):
    images: Whole
    sha256: list[Hash]
    labels_sha256: Hash | None = None


class Sidecar(Part):
    """sidecar.json, of a prepared data set; its preprocessing is checked as settings are."""

    dataset: Name
    preprocessing: dict[str, int | None]
    version: str
    fingerprint: Hash
    signature: str
    classes: list[str]
    splits: dict[Literal["train", "validation", "test"], Split]
    skipped: dict[str, str]


def checked(value: Any, kind: type[Part], origin: object) -> dict[str, Any]:
    """`value`, which is as `kind` says; Malformed, with the first difference, where it is not."""
    try:
        kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:80]
        said = f"{where + ' ' if where else ''}= {short(first['input'])[:80]}: {first['msg'].lower()[:120]}"
        raise Malformed(origin, f"is not what bench.run writes: {said}; remove it") from None
    return value
