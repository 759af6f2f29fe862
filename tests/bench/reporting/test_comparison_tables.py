"""Tables of cost and stability."""

from dataclasses import replace

from groups import cells
from synthetic_experiments import add, described

from bench.reporting import (
    comparison_tables,
    merge,
    metric_tables,
    verdict,
    verdict_tables,
)
from bench.store.documents import Ending
from bench.store.folders import ExperimentFolder
from bench.store.states import State


def test_a_target_that_was_chosen_afterwards_is_reported_as_such(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    add(folder, "mmd", 0, 10.0)
    (table,) = comparison_tables.cost(merge.load_one(folder))
    assert "not fixed beforehand: the median final fd_classifier_1k of mmd" in table.about


def test_seconds_of_trials_that_shared_machines_differently_are_not_compared(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    add(folder, "mmd", 0, 10.0, at_once=2)
    assert merge.load_one(folder).comparable_times
    add(folder, "mmd", 1, 10.0, at_once=4)
    group = merge.load_one(folder)
    assert not group.comparable_times
    (table,) = comparison_tables.cost(group)
    assert "not comparable: trials ran on different machines, or" in table.about
    assert cells(table, "mmd")[-2] == "2, 4"


def test_seconds_in_which_trials_had_no_cpu_are_not_compared(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    folder.describe(replace(folder.description(), methods=["mmd", "gan"]))
    for method in ("mmd", "gan"):
        for seed in range(5):
            add(folder, method, seed, 10.0 + seed, cpu_share=0.9 + 0.01 * seed)
    quiet = merge.load_one(folder)
    assert quiet.comparable_times
    assert "converges faster in seconds" in set(verdict.claimed(quiet)["claim"])
    assert cells(comparison_tables.cost(quiet)[0], "mmd")[-1] == "0.920 ± 0.020"
    add(folder, "gan", 5, 10.0, cpu_share=0.55)
    disturbed = merge.load_one(folder)
    assert "converges faster in seconds" not in set(verdict.claimed(disturbed)["claim"])
    (table,) = comparison_tables.cost(disturbed)
    assert "`gan` seed 5 had one for only 55% of its training time" in table.about
    assert cells(table, "gan")[5:8] == ["-", "-", "-"]
    reasons = {row[0].text: row[1].text for row in verdict_tables.tables(disturbed)[1].rows}
    assert "not comparable: other processes used the CPUs" in reasons["converges faster in seconds"]


def test_a_finished_trial_without_the_metric_is_not_a_miss(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"), target=15)
    for seed in range(3):
        add(folder, "mmd", seed, 10.0)
    trial = folder.trials()[0]
    rows = trial.rows().drop(columns=["fd_classifier_1k", "fd_classifier_1k_floor"])
    token = str(trial.status().token)
    trial.save_rows(token, rows.to_dict("records"))
    trial.end(trial.trial(), Ending(State.done), token)
    group = merge.load_one(folder)
    (cost,), (steady,) = comparison_tables.cost(group), comparison_tables.stability(group)
    assert cells(cost, "mmd")[1] == "100% of 2"
    assert cells(steady, "mmd")[2:5] == ["2", "0%", "10"]
    assert cells(metric_tables.tables(group)[0], "mmd")[3] == "10 (2 of 3)"


def test_a_variant_without_a_finished_trial_has_no_best_value_and_no_roughness(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    add(folder, "mmd", 0, 10.0)
    add(folder, "gan", 0, 50.0, "diverged", "loss is nan")
    (table,) = comparison_tables.stability(merge.load_one(folder))
    assert cells(table, "gan")[2:] == ["1", "100%", "-", "-", "-", "0%", "-", "-", "-"]
