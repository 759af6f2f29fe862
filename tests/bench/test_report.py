"""Reports of synthetic experiments, of one and of several."""

import io
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from groups import cells
from project import ROOT
from specimens import make_environment
from synthetic_experiments import add, described, experiment, falling_curve
from typer.testing import CliRunner

from bench import report
from bench.analysis import frames
from bench.evaluation.image_grids import npz
from bench.reporting import (
    build,
    code_figures,
    comparison_tables,
    image_figures,
    merge,
    metric_tables,
    phrases,
    render,
    score_figures,
)
from bench.reporting.table import Cell, Table
from bench.store.folders import ExperimentFolder

pytestmark = pytest.mark.reports


@pytest.fixture
def made(tmp_path):
    folder = experiment(tmp_path / "exp")
    return folder, build.build(folder)


def test_failed_diverged_single_seed_and_missing_rows_are_in_the_table(made):
    _, group = made
    table = metric_tables.tables(group)[0]
    assert cells(table, "gan[prior=sphere]")[2:4] == ["0 of 2 (1 diverged, 1 failed)", "-"]
    assert cells(table, "vae")[2:4] == ["1", "20"]
    assert cells(table, "mmd")[2] == "5"
    assert cells(table, "mmd")[-1] == "10, 11, 12, 13, 14"


def test_the_best_is_bold_where_all_have_five_seeds_and_it_is_better_than_every_other(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    for seed in range(5):
        add(folder, "mmd", seed, 10.0 + seed)
        add(folder, "moco", seed, 2.0 + seed)
    group = merge.of(folder)
    assert "`moco`" in phrases.bold_note(group)
    (table,) = metric_tables.tables(group)
    assert [row[3].strong for row in table.rows] == [True, False]
    assert "**4.0 ± 2.0**" in "\n".join(render.markdown(table))
    assert r"\textbf{4.0 $\pm$ 2.0}" in render.latex(table)
    add(folder, "vae", 0, 1.0)  # a single seed allows no statement about the best
    again = merge.of(folder)
    assert not any(cell.strong for row in metric_tables.tables(again)[0].rows for cell in row)
    assert "Fewer than 5 seeds (`vae`) are no evidence" in phrases.bold_note(again)


def test_time_to_the_protocols_target_and_what_it_cost(made):
    _, group = made
    (table,) = comparison_tables.cost(group)
    assert "fixed in the protocol" in table.about
    assert cells(table, "mmd")[1:4] == ["100% of 5", "5,000", "5"]
    assert cells(table, "gan[prior=sphere]")[1:4] == ["0% of 2", "never", "never"]
    assert cells(table, "mmd")[-3:] == ["1,234", "902", "2"]


def test_without_a_target_in_the_protocol_one_is_taken_afterwards_and_said_to_be(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    add(folder, "mmd", 0, 10.0)
    (table,) = comparison_tables.cost(merge.of(folder))
    assert "not fixed beforehand: the median final fd_classifier_1k of mmd" in table.about


def test_seconds_of_trials_that_shared_machines_differently_are_not_compared(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    add(folder, "mmd", 0, 10.0, at_once=2)
    assert merge.of(folder).alike
    add(folder, "mmd", 1, 10.0, at_once=4)
    group = merge.of(folder)
    assert not group.alike
    (table,) = comparison_tables.cost(group)
    assert comparison_tables.UNLIKE in table.about
    assert cells(table, "mmd")[-1] == "2, 4"


def test_replayed_steps_and_others_are_different_machines_to_a_report():
    """Older trials do not say which theirs were."""

    def machine(**changes: object) -> str:
        return frames.machine(make_environment(threads=4, **changes))

    gpu = "NVIDIA H100, 4 threads a trial"
    assert machine(device="NVIDIA H100") == gpu
    assert machine(device="NVIDIA H100", replayed=True) == f"{gpu}, steps replayed"
    assert machine(device="NVIDIA H100", replayed=False) == f"{gpu}, steps not replayed"
    assert machine(processor="EPYC", replayed=False) == "EPYC, 4 threads a trial"
    assert machine(processor="EPYC", cpu_capability="AVX2") == "EPYC (AVX2), 4 threads a trial"


def test_the_files_of_a_report(made):
    folder, _ = made
    names = {str(path.relative_to(folder.report)) for path in folder.report.rglob("*") if path.is_file()}
    expected = {"summary.csv", "summary.parquet", "summary.md", "summary.tex", "trials.csv", "seeds.csv", "times.csv"}
    assert expected | {"comparison.csv", "curves.parquet", "index.html"} <= names
    figures = {"fd_classifier_1k", "reconstruction_test", "samples", "over_time", "codes"}
    assert {f"figures/{name}.{suffix}" for name in figures for suffix in ("png", "pdf")} <= names
    assert {"figures/fd_classifier_1k.csv", "figures/codes.csv"} <= names
    seeds = pd.read_csv(folder.report / "seeds.csv")
    assert seeds.set_index(["variant", "seed"])["fd_classifier_1k"][("mmd", 3)] == 13
    pairs = pd.read_csv(folder.report / "comparison.csv")
    assert set(pairs["variant"]) | set(pairs["other"]) == {"moco", "mmd", "vae"}


def test_the_page_shows_what_failed_and_escapes_it(made):
    folder, _ = made
    page = (folder.report / "index.html").read_text()
    assert "seed 0: failed, RuntimeError: no luck" in page
    assert "&lt;b&gt;line&lt;/b&gt;" in page
    assert "<b>line" not in page
    assert 'src="http' not in page
    assert "python -m bench.run --out exp" in page


def test_latex_is_escaped_and_has_as_many_cells_as_columns(made):
    folder, _ = made
    text = (folder.report / "summary.tex").read_text()
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert body
    table = Table("x", "50% of_all", ["a_b", "c"], [[Cell("m[x=1]"), Cell("3", 3.0, strong=True)]])
    assert r"\texttt{m[x=1]} & \textbf{3} \\" in render.latex(table)
    assert r"50\% of\_all" in render.latex(table)
    assert r"\begin{tabular}{lr}" in render.latex(table)


def test_neither_torch_nor_ray_is_imported(made):
    folder, _ = made
    code = (
        "import sys\nfrom bench.report import app\napp(['" + str(folder.path) + "'], standalone_mode=False)\n"
        "assert not {'torch', 'ray', 'sklearn'} & set(sys.modules), 'heavy import'"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def combine(*arguments: object):
    return CliRunner().invoke(report.app, [*map(str, arguments)])


def test_experiments_of_one_protocol_merge_and_the_same_trial_counts_once(tmp_path):
    one, two = (described(ExperimentFolder(tmp_path / name)) for name in ("a", "b"))
    for seed in range(2):
        add(one, "mmd", seed, 10.0 + seed)
    for seed in range(1, 3):
        add(two, "mmd", seed, 10.0 + seed, at_once=8)
    result = combine(one.path, two.path, "--out", tmp_path / "both")
    assert result.exit_code == 0, result.output
    seeds = pd.read_csv(tmp_path / "both" / "seeds.csv")
    assert sorted(seeds["seed"]) == [0, 1, 2]
    assert seeds["fd_classifier_1k"].tolist() == [10, 11, 12]
    again = combine(one.path, two.path, "--out", tmp_path / "both")
    assert again.exit_code == 0, "a report may take the place of a report"


def test_the_same_trial_with_two_results_is_refused_with_the_difference(tmp_path):
    one, two = (described(ExperimentFolder(tmp_path / name)) for name in ("a", "b"))
    add(one, "mmd", 0, 10.0)
    add(two, "mmd", 0, 11.0)
    result = combine(one.path, two.path, "--out", tmp_path / "both")
    assert result.exit_code == 2
    assert "mmd seed 0 is in" in result.stderr
    assert "fd_classifier_1k at step 1 is 1000.0 and 1100.0" in result.stderr
    assert not (tmp_path / "both").exists()


def test_of_a_trial_that_is_done_on_one_machine_only_that_copy_is_kept(tmp_path):
    one, two = (described(ExperimentFolder(tmp_path / name)) for name in ("a", "b"))
    add(one, "mmd", 0, None, "failed", "lost")
    add(two, "mmd", 0, 11.0)
    (group,) = merge.load([one.path, two.path])
    assert group.trials["state"].tolist() == ["done"]
    assert group.values("fd_classifier_1k") == {"mmd": [11.0]}


def test_several_data_sets_are_compared_together(tmp_path):
    paths = []
    for dataset, scale in (("digits", 1), ("mnist", 100)):
        folder = described(ExperimentFolder(tmp_path / dataset), dataset)
        paths.append(folder.path)
        for seed in range(3):
            add(folder, "mmd", seed, scale * (10.0 + seed))
            add(folder, "moco", seed, scale * (5.0 + seed))
    result = combine(*paths, "--out", tmp_path / "both")
    assert result.exit_code == 0, result.output
    aggregates = pd.read_csv(tmp_path / "both" / "aggregate.csv").set_index("variant")
    middling = (11 + 6) / 2
    assert aggregates.loc["moco", "iqm"] == pytest.approx(
        np.mean([6, 6, 5, 7]) / middling
    )  # all but a quarter at each end
    assert aggregates.loc["moco", "runs"] == 6
    for name in ("digits/summary.csv", "mnist/summary.csv", "figures/profile.png", "mnist/figures/samples.png"):
        assert (tmp_path / "both" / name).exists()
    assert "gmum/cwae-pytorch" in (tmp_path / "both" / "index.html").read_text()  # published, of mnist


def test_several_experiments_need_a_folder_and_no_other_folder_is_replaced(tmp_path):
    folder = experiment(tmp_path / "a")
    assert "add --out DIR" in combine(folder.path, folder.path.parent / "b").stderr
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    (tmp_path / "mine" / "index.html").write_text("<h1>my page</h1>")
    result = combine(folder.path, "--out", tmp_path / "mine")
    assert result.exit_code == 2
    assert "is not a report and would be overwritten" in result.stderr
    assert (tmp_path / "mine" / "thesis.tex").exists()


def test_published_figures_are_those_of_a_source():
    stored = yaml.safe_load((ROOT / "configs" / "published.yaml").read_text())
    assert all({"dataset", "method", "value", "source", "protocol"} == set(entry) for entry in stored)


def test_a_view_of_codes_keeps_distances_of_a_plane():
    from bench.reporting.code_figures import projected

    plane = (
        np.random.default_rng(0).normal(size=(20, 2))
        @ np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0][:2]
    )
    stored = io.BytesIO()
    np.savez(stored, codes=plane, prior=plane[:3])
    points, prior = projected(stored.getvalue())

    def distances(x):
        return np.linalg.norm(x[:, None] - x[None], axis=2)

    np.testing.assert_allclose(distances(points), distances(plane), atol=1e-9)
    np.testing.assert_allclose(prior, points[:3], atol=1e-9)


def test_a_method_looks_the_same_everywhere_and_like_no_other_of_the_tree():
    from bench.reporting.style import colour_and_marker, configured
    from methods import METHODS

    assert set(configured()) <= set(METHODS)
    assert len({colour_and_marker(name) for name in METHODS}) == len(METHODS)
    assert colour_and_marker("somebodys_own") == colour_and_marker("somebodys_own")


def test_two_protocols_of_one_data_set_stay_apart_wherever_their_folders_are(tmp_path):
    paths = []
    for machine, target in (("a", 10), ("b", 20)):
        folder = described(ExperimentFolder(tmp_path / machine / "exp"), target=target)
        add(folder, "mmd", 0, 10.0)
        add(folder, "moco", 0, 12.0)
        paths.append(folder.path)
    result = combine(*paths, "--out", tmp_path / "both")
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "both").glob("*/summary.csv"))) == 2
    assert not (tmp_path / "both" / "aggregate.csv").exists(), "protocols are no data sets"
    page = (tmp_path / "both" / "index.html").read_text()
    assert "evaluation.target is 10 there and 20 here" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_what_was_measured_of_copies_of_a_trial_is_put_together(tmp_path):
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


def test_searches_of_one_protocol_are_one(tmp_path):
    paths = []
    for name, points in (("a", (0, 1)), ("b", (1, 2))):
        folder = described(ExperimentFolder(tmp_path / name))
        add(folder, "mmd[point=1]", 0, 9.0, weight=2.0)
        searched = described(ExperimentFolder(folder.path / "search"), split="test")
        for point in points:
            add(searched, f"mmd[point={point}]", 10_000, 10.0 - point, weight=float(point + 1))
        paths.append(folder.path)
    assert combine(*paths, "--out", tmp_path / "both").exit_code == 0
    results = pd.read_csv(tmp_path / "both" / "search.csv")
    assert results["point"].tolist() == [0, 1, 2]
    assert results["score"].tolist() == [10, 9, 8]


def test_done_without_the_metric_is_not_a_miss(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"), target=15)
    for seed in range(3):
        add(folder, "mmd", seed, 10.0)
    trial = folder.trials()[0]
    rows = trial.rows().drop(columns=["fd_classifier_1k", "fd_classifier_1k_floor"])
    trial.save_rows(rows.to_dict("records"))
    group = merge.of(folder)
    (cost,), (steady,) = comparison_tables.cost(group), comparison_tables.stability(group)
    assert cells(cost, "mmd")[1] == "100% of 2"
    assert cells(steady, "mmd")[2:5] == ["2", "0%", "10"]
    assert cells(metric_tables.tables(group)[0], "mmd")[3] == "10 (2 of 3)"


def test_what_was_all_lost_has_no_best_and_is_not_smooth(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    add(folder, "mmd", 0, 10.0)
    add(folder, "gan", 0, 50.0, "diverged", "loss is nan")
    (table,) = comparison_tables.stability(merge.of(folder))
    assert cells(table, "gan")[2:] == ["1", "100%", "-", "-", "-", "0%", "-", "-", "-"]


@pytest.mark.draws
def test_scores_against_hyperparameters_that_are_words_or_were_lost(tmp_path, monkeypatch):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    for weight in (1.0, 10.0, 100.0):
        for kind in ("imq", "rbf"):
            lost = weight == 100
            label = f"mmd[weight={weight},kind={kind}]"
            add(folder, label, 0, 5.0 + weight, "diverged" if lost else "done", weight=weight, kind=kind)
    drawn = []
    monkeypatch.setattr(score_figures, "save", lambda canvas, *_: drawn.append(canvas))
    assert score_figures.hyperparameters(merge.of(folder), tmp_path)
    weight, kind = drawn[0].axes
    assert weight.get_xscale() == "log"
    assert [text.get_text() for text in kind.get_xticklabels()] == ["imq", "rbf"]
    crosses = [line.get_xdata()[0] for line in weight.lines if line.get_marker() == "x"]
    assert crosses == [100]


def test_codes_far_from_the_prior_stay_in_their_own_place(tmp_path, monkeypatch):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    for label in ("mmd", "vae"):
        add(folder, label, 0, 10.0)
    far = npz({"codes": torch.full((10, 4), 50.0), "prior": torch.zeros(10, 4)})
    folder.trials()[0].write("samples/codes-00000100.npz", far)
    drawn = []
    monkeypatch.setattr(code_figures, "save", lambda canvas, *_: drawn.append(canvas))
    group = merge.of(folder)
    code_figures.codes(group, image_figures.representatives(group), tmp_path)
    (axes,) = drawn[0].axes
    assert any("(100% further out)" in text.get_text().replace("\n", " ") for text in axes.texts)
    drawn[0].draw_without_rendering()
    (legend,) = (text for text in axes.texts if text.get_text() == code_figures.LEGEND)
    assert legend.get_window_extent().y0 >= 0
    dots = np.concatenate([np.asarray(collection.get_offsets()) for collection in axes.collections])
    assert dots[:, 0].max() < 2.2 + 1.1
    assert dots[:, 0].min() > -1.1
