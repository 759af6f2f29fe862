"""Copies of one trial in several experiments are merged."""

from dataclasses import replace

import pandas as pd
from synthetic_experiments import add, described, falling_curve

from bench.reporting import (
    merge,
)
from bench.store.folders import ExperimentFolder


def test_only_the_finished_copy_of_a_trial_is_kept(tmp_path):
    one, two = (described(ExperimentFolder(tmp_path / name)) for name in ("a", "b"))
    add(one, "mmd", 0, None, "failed", "lost")
    add(two, "mmd", 0, 11.0)
    (group,) = merge.load([one.path, two.path])
    assert group.trials["state"].tolist() == ["done"]
    assert group.unbegun == 0
    assert group.values("fd_classifier_1k") == {"mmd": [11.0]}


def test_a_planned_trial_is_missed_if_no_copy_has_begun(tmp_path):
    one, two = (described(ExperimentFolder(tmp_path / name)) for name in ("a", "b"))
    one.describe(replace(one.description(), methods=["mmd"], planned={"mmd": [0, 1, 2]}))
    two.describe(replace(two.description(), methods=["mmd", "gan"], planned={"mmd": [0, 1], "gan": [0]}))
    add(one, "mmd", 0, 11.0)
    add(two, "mmd", 0, 11.0)
    add(two, "mmd", 1, 11.0)
    (group,) = merge.load([one.path, two.path])
    assert group.unbegun == 2  # mmd with seed 2, and gan


def test_evaluations_of_copies_of_a_trial_are_merged(tmp_path):
    one, two = (described(ExperimentFolder(tmp_path / name)) for name in ("a", "b"))
    for folder, split in ((one, "train"), (two, "validation")):
        add(folder, "mmd", 0, 10.0)
        later = pd.DataFrame(falling_curve(10.0, 0)[-1:]).assign(reference_split=split, fd_classifier_1k=len(split))
        folder.trials()[0].save_evaluations(later)
    (group,) = merge.load([one.path, two.path])
    distances = {
        c.partition("reference_split=")[2]: group.last[c].item() for c in group.last if "reference_split=" in c
    }
    assert {split.rstrip("]"): value for split, value in distances.items() if value > 1} == {
        "train": 5,
        "validation": 10,
    }
