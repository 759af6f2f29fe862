"""What the documents in results must say, at least, for anything to be made of them: checked where they are read.

More may stand in them: newer versions add keys, older ones lack some. Names are plain, so that none can be a path, a
mark of HTML, LaTeX or Markdown, or a command to a terminal; what is free text (reasons, commands) is escaped where it
is shown.
"""

from typing import Literal

from bench.io.schema import Hash, Label, Line, Name, Number, StrictModel, Value, Whole


class Source(StrictModel):
    file: Line
    sha256: Line


class Dataset(StrictModel):
    name: Name
    fingerprint: Hash


class Preprocessing(StrictModel):
    image_size: Whole
    channels: Whole


class Network(StrictModel):
    name: Name
    width: Whole
    latent_dim: Whole


class Training(StrictModel):
    learning_rate: Number | None = None
    train_images: Whole | None = None


class Budget(Training):
    """The training of an experiment, all of which is shown."""

    epochs: Whole
    batch_size: Whole
    schedule: Name
    precision: Name


class Evaluation(StrictModel):
    target: Number | None = None
    extractor: Name | None = None


class Protocol(StrictModel):
    """Of an experiment: what all of its trials share."""

    dataset: Dataset
    preprocessing: Preprocessing | None = None
    network: Network | None = None
    training: Budget | None = None
    evaluation: Evaluation
    extractor_sha256: Hash


class Spec(StrictModel):
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


class Trial(StrictModel):
    """spec.json."""

    id: Name
    label: Label
    source: Source
    spec: Spec


class Attempt(StrictModel):
    started: Line
    from_step: Whole | None = None


class Status(StrictModel):
    """status.json."""

    state: Literal["missing", "running", "done", "diverged", "stopped", "failed"]
    reason: str | None
    attempts: list[Attempt]
    updated: Line | None = None


class Git(StrictModel):
    commit: Line | None
    dirty: bool | None


class Environment(StrictModel):
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


class Experiment(StrictModel):
    """experiment.yaml."""

    protocol: Protocol
    commands: list[str] = []
    methods: list[str] = []
    seeds: Whole = 0
    skipped_images: Whole = 0
