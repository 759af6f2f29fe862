"""An experiment keeps the defaults that it began with."""

import json

import yaml


def config(path, methods, **defaults):
    file = path / "study.yaml"
    file.write_text(yaml.safe_dump({"dataset": "digits", "methods": methods, "defaults": defaults}))
    return str(file)


def values(experiment):
    specs = [json.loads(file.read_text()) for file in sorted(experiment.glob("trials/*/spec.json"))]
    return sorted(
        (each["label"], each["spec"]["seed"], each["spec"]["hyperparameters"]["weight"], each["spec"]["learning_rate"])
        for each in specs
    )


def test_a_default_that_changed_since_is_not_that_of_the_experiment(bench_run, tmp_path):
    first = config(tmp_path, ["mmd[scale=2]"], mmd={"weight": 0.5, "learning_rate": 0.001})
    assert bench_run("--config", first, "--seeds", "1").exit_code == 0
    changed = {"mmd": {"weight": 2.0, "learning_rate": 0.002}, "simclr": {"weight": 3.0, "learning_rate": 0.002}}
    second = config(tmp_path, ["mmd", "mmd[weight=2]", "mmd[scale=2]", "simclr"], **changed)
    result = bench_run("--config", second, "--seeds", "1")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "mmd keeps the defaults that this experiment began with: weight 0.5 (now 2.0)" in said
    assert "simclr keeps" not in result.output
    assert values(tmp_path / "out") == [
        ("mmd", 0, 0.5, 0.001),
        ("mmd[scale=2.0]", 0, 0.5, 0.001),
        ("mmd[weight=2.0]", 0, 2.0, 0.001),
        ("simclr", 0, 3.0, 0.002),
    ]
