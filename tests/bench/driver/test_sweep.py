"""--sweep: combinations, mistakes, and the experiments and the report that it makes."""

import pandas as pd
import pytest

from bench.driver.sweep import parts
from bench.errors import UserError
from bench.store.folders import ExperimentFolder


def test_every_combination_is_a_part():
    names = [part.name for part in parts(["network.latent_dim=8,32", "training.batch_size=50,100"], None)]
    assert names == [
        "network.latent_dim=8,training.batch_size=50",
        "network.latent_dim=8,training.batch_size=100",
        "network.latent_dim=32,training.batch_size=50",
        "network.latent_dim=32,training.batch_size=100",
    ]
    assert parts([], None) == []


def test_a_file_names_a_sweep_and_the_command_line_overrides_it(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("sweep: {network.latent_dim: [8, 32], training.schedule: [cosine]}\n")
    assert [part.assignments for part in parts(["network.latent_dim=4"], file)] == [
        ["network.latent_dim=4", "training.schedule=cosine"]
    ]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["network.latent_dim"], r"--sweep takes KEY=VALUE,VALUE"),
        (["network.latentdim=8,9"], r"--sweep: unknown key 'network.latentdim'. Did you mean network.latent_dim\?"),
        (["latent_dim=8,9"], r"--sweep: unknown key 'latent_dim'. Did you mean network.latent_dim\?"),
        (["seeds=1,2"], r"--sweep seeds: only settings in sections are swept"),
        (["network.latent_dim=8,8"], r"values must differ"),
        (["network.latent_dim=8,"], r"values must differ and not be empty"),
        (["network.latent_dim=8", "network.latent_dim=9"], r"is given twice"),
        ([f"network.latent_dim={','.join(map(str, range(2, 300)))}"], r"has 298 combinations, more than 200"),
    ],
)
def test_mistakes_are_named(texts, message):
    with pytest.raises(UserError, match=message):
        parts(texts, None)


def test_a_malformed_section_is_named(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("sweep: {network.latent_dim: 8}\n")
    with pytest.raises(UserError, match="maps settings to lists of values"):
        parts([], file)


def test_a_sweep_trains_every_part_and_compares_them(bench_run, tmp_path):
    command = ["--methods", "autoencoder,mmd", "--seeds", "1", "--sweep", "network.latent_dim=3,6"]
    result = bench_run(*command, network__latent_dim="4")
    assert result.exit_code == 2
    assert "--set network.latent_dim is given twice" in result.output
    result = bench_run(*command)
    assert result.exit_code == 0, result.output
    assert "network.latent_dim=6 (2 of 2)" in result.output
    dims = {}
    for part in sorted((tmp_path / "out").glob("network*")):
        trials = ExperimentFolder(part).trials()
        dims[part.name] = {trial.trial().spec.network.latent_dim for trial in trials}
    assert dims == {"network.latent_dim=3": {3}, "network.latent_dim=6": {6}}
    settings = pd.read_csv(tmp_path / "out" / "report" / "settings.csv")
    assert sorted(zip(settings["network.latent_dim"], settings["variant"], strict=True)) == [
        *[(3, "autoencoder"), (3, "mmd")],
        *[(6, "autoencoder"), (6, "mmd")],
    ]
    assert "Settings that differ" in (tmp_path / "out" / "report" / "summary.md").read_text()
    again = bench_run(*command)
    assert again.output.count("2 trials, 0 to train") == 2


def test_a_value_that_is_not_allowed_is_found_before_anything_is_trained(bench_run, tmp_path):
    result = bench_run("--methods", "mmd", "--sweep", "training.schedule=constant,cosin")
    assert result.exit_code == 2
    assert "error: training.schedule = 'cosin': input should be 'constant' or 'cosine'" in result.output
    assert not (tmp_path / "out").exists()


def test_the_figure_is_drawn_against_every_setting_that_differs(bench_run, tmp_path):
    """With numbers and with words on the axis."""
    command = ["--methods", "autoencoder", "--seeds", "2", "--sweep", "network.latent_dim=3,6"]
    result = bench_run(*command, "--sweep", "training.schedule=constant,cosine")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "report" / "figures" / "settings.png").exists()
    drawn = pd.read_csv(tmp_path / "out" / "report" / "figures" / "settings.csv")
    assert len(drawn) == 4
    assert set(drawn["training.schedule"]) == {"constant", "cosine"}
