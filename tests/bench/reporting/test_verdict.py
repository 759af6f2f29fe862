"""The verdict at the top of a report follows from the values of the seeds."""

from dataclasses import replace

import pandas as pd
import pytest
from specimens import make_description
from synthetic_experiments import add

from bench.reporting import merge, verdict
from bench.store.folders import ExperimentFolder


@pytest.fixture
def folder(tmp_path):
    folder = ExperimentFolder(tmp_path / "exp")
    folder.describe(replace(make_description(command="bench.run", samples=1000), methods=["moco", "moco[weight=1]"]))
    return folder


def sentences(folder: ExperimentFolder) -> dict[tuple[str, str], str]:
    [table] = verdict.tables(merge.load_one(folder))
    return {(row[1].text, row[0].text): row[2].text for row in table.rows}


def test_a_clear_difference_an_equivalence_and_an_open_question(folder):
    for seed in range(6):
        add(folder, "moco", seed, 4.0 + 0.01 * seed)
        add(folder, "gan", seed, 8.0 + 0.01 * seed)
        add(folder, "mmd", seed, 4.0 + 0.01 * (5 - seed))
        add(folder, "vae", seed, 3.2 + 0.5 * seed)
    found = sentences(folder)
    claim = "reaches a lower distance"
    assert verdict.baseline(merge.load_one(folder)) == "moco"
    assert found[claim, "gan"] == "better"
    assert found[claim, "mmd"] == "no difference larger than 5%"
    assert found[claim, "vae"].startswith("undecided: about ")
    assert found["is steadier over seeds", "vae"] == "better"


def test_few_seeds_decide_nothing(folder):
    for seed in range(4):
        add(folder, "moco", seed, 1.0 + seed)
        add(folder, "mmd", seed, 100.0 + seed)
    assert set(sentences(folder).values()) == {"undecided: fewer than 5 values"}


def test_several_settings_of_a_method_are_compared_only_in_how_steady_they_are(folder):
    for k in range(5):
        for seed in range(2):
            add(folder, f"moco[weight={k + 1}]", seed, 4.0 + 0.01 * k, weight=k + 1)
            add(folder, f"mmd[weight={k + 1}]", seed, 4.0 * 2**k, weight=k + 1)
    found = sentences(folder)
    assert found == {("is steadier over settings", "mmd"): "better"}


def test_a_single_variant_has_no_verdict(folder):
    add(folder, "moco", 0, 1.0)
    assert verdict.tables(merge.load_one(folder)) == []
    assert isinstance(verdict.claimed(merge.load_one(folder)), pd.DataFrame)
