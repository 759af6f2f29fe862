"""The typed specification of a trial: its id, its document, and documents of older versions."""

import hashlib
import json

import pytest
from specimens import make_trial

from bench.experiment.specification import CHECKPOINT_FORMAT, Trial
from bench.io.untrusted import Malformed

# What version 0.1.0 wrote; the id was the sha256 of the sorted JSON of "spec".
SPEC = {
    "method": "mmd",
    "hyperparameters": {"weight": 100.0, "kernel": "imq", "wide": True, "scales": 7},
    "prior": "sphere",
    "learning_rate": 0.004,
    "dataset": {"name": "digits", "fingerprint": "e2ac"},
    "preprocessing": {"image_size": 8, "crop": None, "channels": 1},
    "network": {"name": "small", "width": 32, "latent_dim": 8, "initialisation": "torch"},
    "training": {
        "epochs": 30,
        "train_images": None,
        "batch_size": 50,
        "learning_rate": 0.004,
        "schedule": "cosine",
        "precision": "fp32",
        "reconstruction": "squared_error",
    },
    "evaluation": {
        "evaluations": 10,
        "samples": 1000,
        "final_samples": 10000,
        "split": "test",
        "extractor": "classifier",
        "extractor_precision": "fp32",
        "extractor_steps": 600,
        "seed": 0,
        "target": 10.0,
    },
    "threads": 1,
    "seed": 3,
}
DOCUMENT = {
    "id": hashlib.sha256(json.dumps(SPEC, sort_keys=True).encode()).hexdigest()[:10],
    "format": 1,
    "label": "mmd[prior=sphere]",
    "source": {"file": "methods/mmd.py", "sha256": "0" * 64},
    "spec": SPEC,
}


def test_a_budget_in_other_units_changes_the_id_and_one_in_epochs_keeps_it():
    trial = Trial.parse(DOCUMENT, "spec.json")
    assert Trial.plan(trial.spec, trial.label, trial.source).id == DOCUMENT["id"]
    ids = {trial.id}
    for budget in ({"steps": 100}, {"images": 100}, {"seconds": 100.0}):
        training = trial.spec.training.model_copy(update={"epochs": None, **budget})
        ids.add(Trial.plan(trial.spec.model_copy(update={"training": training}), trial.label, trial.source).id)
    assert len(ids) == 4


def test_optional_metrics_change_the_id_only_where_there_are_any():
    spec = Trial.parse(DOCUMENT, "spec.json").spec
    with_probe = {"evaluation": spec.evaluation.model_copy(update={"metrics": ["probe"]})}
    planned = Trial.plan(spec.model_copy(update=with_probe), DOCUMENT["label"], make_trial().source)
    assert spec.evaluation.metrics == []
    assert planned.id != DOCUMENT["id"]


def test_a_planned_trial_has_the_id_that_version_0_1_gave_it():
    stored = Trial.parse(DOCUMENT, "spec.json")
    planned = Trial.plan(stored.spec, stored.label, stored.source)
    assert planned == stored
    assert Trial.parse(json.loads(json.dumps(planned.document.model_dump())), "spec.json") == stored
    assert (stored.spec.training.weight_units, stored.spec.network.scaled_codes) == ("absolute", False)
    assert planned.name == f"mmd-prior-sphere-s3-{DOCUMENT['id']}"


def test_a_hyperparameter_that_was_added_later_leaves_ids_as_they_were():
    """Otherwise a new hyperparameter would orphan every finished trial of its method."""
    given = {"weight": 0.5, "scale": 1.0}
    early, now, other = (
        make_trial("mmd", hyperparameters=given | added) for added in ({}, {"kernels": 7}, {"kernels": 1})
    )
    assert early.spec == now.spec
    assert early.id == now.id != other.id


def test_the_learning_rate_of_early_documents_is_the_experiments():
    spec = {key: value for key, value in SPEC.items() if key != "learning_rate"}
    early = Trial.parse(DOCUMENT | {"spec": spec}, "spec.json")
    assert early.spec.optimisation.learning_rate == 0.004
    assert make_trial(learning_rate=0.1).spec.optimisation.learning_rate == 0.1


def test_a_document_without_a_format_is_of_the_first_one():
    early = {key: value for key, value in DOCUMENT.items() if key != "format"}
    assert Trial.parse(early, "spec.json").format == 1 == CHECKPOINT_FORMAT


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"method": "../up"}, "spec.method"),
        ({"seed": -1}, "spec.seed"),
        ({"hyperparameters": {"a b": 1}}, "spec.hyperparameters"),
        ({"hyperparameters": {"weight": float("inf")}}, "spec.hyperparameters.weight"),
        ({"network": {"name": "<b>"}}, "spec.network.name"),
        ({"training": {"epochs": 2**60}}, "spec.training.epochs"),
    ],
)
def test_what_bench_run_cannot_have_written_is_refused(changes, key):
    with pytest.raises(Malformed, match="is not what bench") as error:
        Trial.parse(DOCUMENT | {"spec": SPEC | changes}, "spec.json")
    assert key in str(error.value)
