"""Stale trials stay in every table, marked, and never count as seeds of fresh ones."""

from dataclasses import replace

import pandas as pd
import pytest
from specimens import make_description
from synthetic_experiments import add

from bench.reporting import build, comparison_tables, merge, metric_tables, notes, stale, verdict, verdict_tables
from bench.store.folders import ExperimentFolder

FRESH, STALE = range(6), range(6, 12)


def make_stale(folder: ExperimentFolder, seeds: range, code: str = "0") -> None:
    """Let the trials of mmd with these seeds have been trained by other code, in methods/mmd.py."""
    for trial in folder.trials():
        planned = trial.trial()
        if planned.spec.method == "mmd" and planned.spec.seed in seeds:
            changed = {"sha256": code * 64, "modules": planned.source.modules | {"methods/mmd.py": code * 16}}
            trial.describe(replace(planned, source=planned.source.model_copy(update=changed)))


@pytest.fixture
def folder(tmp_path):
    """Six seeds each of mmd and gan, and six more of mmd whose distances are 100 times larger."""
    folder = ExperimentFolder(tmp_path)
    folder.describe(replace(make_description(samples=1000), methods=["mmd", "gan"]))
    for seed in FRESH:
        add(folder, "mmd", seed, 10.0 + seed, pictures=False)
        add(folder, "gan", seed, 20.0 + seed, pictures=False)
    for seed in STALE:
        add(folder, "mmd", seed, 1000.0 + seed, pictures=False)
    make_stale(folder, STALE)
    return folder


def cells(tables) -> list[str]:
    return [cell.text for table in tables for row in table.rows for cell in row]


def test_stale_trials_are_a_variant_of_their_own_in_every_table(folder):
    group = merge.load_one(folder)
    summary = group.summary.set_index("variant")
    assert summary["done"].to_dict() == {"mmd": 6, "gan": 6, "mmd †": 6}
    assert summary["stale"].to_dict() == {"mmd": 0, "gan": 0, "mmd †": 6}
    assert summary.loc["mmd", "fd_classifier_1k_mean"] == pytest.approx(12.5)
    assert summary.loc["mmd †", "fd_classifier_1k_mean"] == pytest.approx(1008.5)
    for tables in (metric_tables.tables, comparison_tables.cost, comparison_tables.stability):
        assert "mmd †" in cells(tables(group)), tables
    assert "mmd †" in cells([comparison_tables.trials(group), comparison_tables.settings(group)])
    assert "6 of 6 (6 stale)" in cells(metric_tables.tables(group))


def test_stale_trials_beside_fresh_ones_are_in_no_comparison(folder):
    group = merge.load_one(folder)
    assert verdict.baseline(group) == "mmd"
    assert group.superseded == {"mmd †"}
    assert "†" not in " ".join(cells([*verdict_tables.tables(group), *comparison_tables.differences(group)]))


def test_stale_trials_alone_are_compared_and_marked(folder):
    make_stale(folder, range(12))
    group = merge.load_one(folder)
    assert verdict.baseline(group) == "mmd †"
    assert verdict_tables.tables(group)[0].title == "Verdict on mmd †"
    assert group.superseded == set()


def test_a_line_above_the_tables_says_what_has_changed(folder, capsys):
    group = merge.load_one(folder)
    [line] = notes.cautions(group)
    assert line.startswith("† marks stale trials, whose code has changed since they were trained: mmd † (")
    assert "methods/mmd.py" in line
    assert "--retrain-stale" in line
    assert "--accept-stale" in line
    build.print_tables(group, folder.report)
    assert capsys.readouterr().out.startswith("† marks stale trials")


def test_trials_of_two_other_codes_do_not_mix(folder):
    make_stale(folder, range(9, 12), code="1")
    summary = merge.load_one(folder).summary.set_index("variant")
    assert summary["done"].to_dict() == {"mmd": 6, "gan": 6, "mmd †": 3, "mmd †2": 3}


def test_a_frame_without_stale_trials_is_as_it_was():
    trials = pd.DataFrame({"variant": ["a", "a"], "trial": ["1", "2"], "stale": False, "code": ["x", "y"]})
    pd.testing.assert_frame_equal(stale.mark(trials), trials)
    assert stale.note(trials.assign(changed=None)) is None
