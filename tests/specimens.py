"""Small valid trials, documents and requests, for tests that need any."""

import json
from pathlib import Path

from bench.data.datasets import Request
from bench.experiment.configuration import resolve
from bench.experiment.settings import Evaluation, Network, Preprocessing, Training
from bench.experiment.specification import MethodSource, Trial, TrialSpec
from bench.io.files import Folder
from bench.store.documents import Description, Environment, ExperimentProtocol, Git
from bench.training.events import Position
from methods import METHODS
from methods.hyperparameters import schema

CLASSIFIER_EVALUATION = Evaluation(extractor="classifier", samples=1000, final_samples=1000, extractor_steps=150)
SOURCE = MethodSource(file="methods/moco.py", sha256="0" * 64)


def make_trial(label: str = "moco", seed: int = 0, source: MethodSource = SOURCE, **spec: object) -> Trial:
    """A trial of the method that the label names."""
    fields = {"method": label.partition("[")[0], "prior": "sphere", "seed": seed} | spec
    return Trial.plan(TrialSpec.model_validate(fields), label, source)


def make_environment(**changes: object) -> Environment:
    facts = {
        "python": "3.11",
        "packages": {"torch": "2.14"},
        "git": Git(commit="abc", dirty=False),
        "processor": "a processor",
        "device": "cpu",
        "threads": 1,
        "concurrent_trials": 1,
    }
    return Environment.model_validate(facts | changes)


def make_description(
    dataset: str = "digits", command: str = "python -m bench.run", **evaluation: object
) -> Description:
    """The description of an experiment, with an early version's protocol: without networks and training."""
    written = {"dataset": {"name": dataset, "fingerprint": "f" * 64}, "evaluation": evaluation}
    written |= {"extractor_sha256": "e" * 64, "threads": 1}
    return Description([command], [], 0, 0, None, {}, ExperimentProtocol.model_validate(written), written)


def position(step: int = 0, epoch: float = 0.0, images_per_second: float = 0.0) -> Position:
    return Position(step, epoch, 0, images_per_second)


def change_document(folder: Folder, name: str, **changes: object) -> None:
    """Change top-level keys of a JSON document; None removes a key."""
    document = json.loads(folder.read(name)) | changes
    folder.write(name, json.dumps({key: value for key, value in document.items() if value is not None}).encode())


def make_request(name: str, root: Path, skip_unreadable: bool = False, **preprocessing: int) -> Request:
    """What bench.prepare asks of the data layer."""
    experiment = resolve({"dataset": name, "preprocessing": preprocessing})
    return Request(name, root, experiment.preprocessing, root / "prepared", skip_unreadable)


EVALUATION = Evaluation(extractor="classifier", samples=64, final_samples=96, evaluations=4)


def make_spec(method="moco", prior=None, seed=0, precision="fp32", network=None, **training) -> TrialSpec:
    """A trial of 4 epochs on 130 digits, with the method's default hyperparameters."""
    defaults = {key: parameter.default for key, parameter in schema(METHODS[method]).items()}
    budget = {"epochs": 4, "train_images": 130, "batch_size": 32, "precision": precision} | training
    return TrialSpec(
        method=method,
        hyperparameters=defaults,
        prior=prior or METHODS[method].priors[0],
        preprocessing=Preprocessing(image_size=8, channels=1),
        network=Network.model_validate(network or {"name": "small", "width": 4, "latent_dim": 4}),
        training=Training.model_validate(budget),
        evaluation=EVALUATION,
        seed=seed,
    )
