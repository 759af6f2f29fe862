"""bench.info."""

import json

from typer.testing import CliRunner

from methods import METHODS


def test_info_lists_every_method_with_its_hyperparameters():
    from bench.info import app

    found = json.loads(CliRunner().invoke(app, ["--json"]).stdout)
    assert set(found["methods"]) == set(METHODS)
    assert found["methods"]["moco"]["hyperparameters"]["weight"]["type"] == "float"
    assert all(method["paper"] for method in found["methods"].values())
    assert found["datasets"]["mnist"]["defaults"]["training"]["epochs"] > 0
    shown = CliRunner().invoke(app, []).stdout
    for name in (*METHODS, "queue_size", "cifar10", "dcgan32", "sphere", "classifier", "training.epochs"):
        assert name in shown


def test_info_of_one_method_shows_only_that_by_any_of_its_names():
    from bench.info import app

    shown = CliRunner().invoke(app, ["wae_mmd"]).stdout
    assert "also called: WAE-MMD" in shown
    assert "queue_size" not in shown
    assert list(json.loads(CliRunner().invoke(app, ["MoCo-WAE", "--json"]).stdout)) == ["moco"]
