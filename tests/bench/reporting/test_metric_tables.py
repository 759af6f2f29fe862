"""Tables of metrics: means, intervals, trials that did not finish, and several protocols."""

import math
from dataclasses import replace

import pandas as pd
from groups import DONE_TRIAL, cells, group_of, three_seeds, two_rows
from specimens import make_description
from synthetic_experiments import add, described

from bench.analysis import across_seeds
from bench.analysis.protocols import separate
from bench.reporting import (
    across_datasets,
    build,
    merge,
    metric_tables,
    phrases,
    render,
)
from bench.reporting.notes import failures
from bench.store.folders import ExperimentFolder


def test_a_variant_without_a_finished_trial_is_still_a_row():
    rows, trials = three_seeds(("failed", "failed", "failed"))
    group = group_of(rows.iloc[:0], trials)
    assert len(group.summary) == 1
    assert [failure.reason for failure in failures(group)] == ["why"] * 3
    assert "- `m` seed 1 failed: why" in build.appendix(group)


def test_a_table_has_the_mean_its_interval_and_each_seed_and_warns_about_few_seeds():
    group = group_of(*three_seeds())
    (table,) = metric_tables.tables(group)
    half = 4.302652729911275 * 10 / math.sqrt(3)  # Student's t of 2 degrees of freedom, from a table
    assert cells(table, "m")[3:] == [f"20 ± {half:.2g}", "10, 20, 30"]
    assert "| `m` | normal | 3 | 20 ± 25 | 10, 20, 30 |" in render.markdown(table)
    assert "no other variant to compare with" in table.about
    rows, trials = (
        pd.concat([frame, frame.assign(variant="n", trial=frame["trial"] + "n")]) for frame in three_seeds()
    )
    note = phrases.bold_note(group_of(rows, trials), "fd_classifier_1k")
    assert "Fewer than 5 seeds (all variants) cannot show a difference" in note


def test_a_table_counts_the_trials_that_did_not_finish():
    (table,) = metric_tables.tables(group_of(*three_seeds(("done", "diverged", "failed"))))
    assert cells(table, "m")[2:4] == ["1 of 3 (1 diverged, 1 failed)", "10"]


def test_a_trial_measured_under_two_protocols_has_both_in_its_one_row_and_a_table_for_each():
    """The protocol of the training comes first and decides the ranking."""
    found = separate(two_rows(sampler=["prior", "gmm"]).assign(afterwards=[False, True]))
    summary = across_seeds.summarise(found, DONE_TRIAL)
    assert (summary["fid_10k [sampler=gmm]_mean"].item(), summary["fid_10k_mean"].item()) == (20, 10)
    titles = [table.title for table in metric_tables.tables(group_of(found, DONE_TRIAL))]
    mixture = "10,000 from a mixture fitted to the codes against 5,000 test images, inception features [sampler=gmm]"
    prior = "10,000 from the prior against 5,000 test images, inception features"
    assert titles[:2] == [f"Generated images: {prior}", f"Generated images: {mixture}"]
    assert across_seeds.distances(found) == ["fid_10k", "fid_10k [sampler=gmm]"]


def test_all_columns_of_a_protocol_stay_together():
    """A quick row against test images and a full one of as many against training images: one table with all metrics."""
    frame = two_rows(n_real=[5000, 45_000], reference_split=["test", "train"])
    found = separate(frame.assign(kid_10k=[0.1, 0.2], kid_10k_se=0.01, precision_10k=[float("nan"), 0.7]))
    (table, *_) = metric_tables.tables(group_of(found, DONE_TRIAL))
    label = "n_real=45000, reference_split=train"
    assert table.headings[3:-1] == ["fid_10k ↓", "KID ↓", "precision ↑"]
    assert table.title.endswith(f"[{label}]")
    assert f"precision_10k [{label.replace('45000', '5000').replace('train', 'test')}]" not in found
    assert found[f"kid_10k [{label}]_se"].notna().sum() == 1


def test_means_over_some_of_the_seeds_say_so():
    trials = pd.concat([DONE_TRIAL, DONE_TRIAL.assign(trial="u", seed=1)])
    frame = pd.concat([two_rows().iloc[[0]], two_rows().iloc[[1]].assign(trial="u", seed=1, fid_10k=float("nan"))])
    images, codes = metric_tables.tables(group_of(frame, trials))
    assert cells(images, "m")[3] == "10 (1 of 2)"
    assert cells(codes, "m")[2] == "0.5"


def test_the_best_is_bold_where_all_have_five_seeds_and_it_is_better_than_every_other(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    for seed in range(5):
        add(folder, "mmd", seed, 10.0 + seed)
        add(folder, "moco", seed, 2.0 + seed)
    group = merge.load_one(folder)
    assert "`moco`" in phrases.bold_note(group, group.headline)
    (table,) = metric_tables.tables(group)
    assert [row[3].strong for row in table.rows] == [True, False]
    assert "**4.0 ± 2.0**" in "\n".join(render.markdown(table))
    assert r"\textbf{4.0 $\pm$ 2.0}" in render.latex(table)
    add(folder, "vae", 0, 1.0)  # a single seed allows no statement about the best
    again = merge.load_one(folder)
    assert not any(cell.strong for row in metric_tables.tables(again)[0].rows for cell in row)
    assert "Fewer than 5 seeds (`vae`) cannot show a difference" in phrases.bold_note(again, again.headline)


def test_every_table_sorts_and_tests_by_its_own_distance():
    """Under the prior a is better; from a mixture b is, by five clear seeds."""
    both = []
    for seed in range(5):
        for variant, prior, mixture in (("a", 1.0, 9.0), ("b", 5.0, 2.0)):
            frame = two_rows(sampler=["prior", "gmm"]).assign(afterwards=[False, True], precision_10k=0.5)
            values = [prior + seed / 10, mixture + seed / 10]
            both.append(frame.assign(trial=f"{variant}{seed}", variant=variant, seed=seed, fid_10k=values))
    found = separate(pd.concat(both, ignore_index=True))
    keys = [(variant, seed) for variant in "ab" for seed in range(5)]
    trials = pd.concat([DONE_TRIAL.assign(trial=f"{v}{s}", variant=v, seed=s, method=v) for v, s in keys])
    of_prior, of_mixture = metric_tables.tables(group_of(found, trials.reset_index(drop=True)))[:2]
    assert [row[0].text for row in of_prior.rows] == ["a", "b"]
    assert [row[0].text for row in of_mixture.rows] == ["b", "a"]
    assert [row[3].strong for row in of_mixture.rows] == [True, False]
    assert "Bold: `b` is significantly better than every other variant" in of_mixture.about
    assert "5% in its comparison)" in of_mixture.about


def test_of_two_seeds_both_values_are_shown_and_of_more_the_interval_of_every_metric():
    rows, trials = three_seeds()
    rows = rows.assign(n_neighbours=400, precision_classifier_1k=[math.nan, 0.5, math.nan, 0.6, math.nan, 0.7])
    (table,) = metric_tables.tables(group_of(rows, trials))
    assert cells(table, "m")[3:5] == ["20 ± 25", "0.60 ± 0.25"]
    (table,) = metric_tables.tables(group_of(rows, trials.assign(state=["done", "done", "failed"])))
    assert cells(table, "m")[3:5] == ["10, 20", "0.5, 0.6"]


def test_published_fids_stand_beside_fids_only():
    rows, trials = three_seeds()
    group = replace(group_of(rows, trials), description=make_description("mnist"))
    assert across_datasets.published(group) == []
    fid = rows.rename(columns={"fd_classifier_1k": "fid_1k"}).assign(extractor="inception")
    assert across_datasets.published(replace(group, rows=fid))
