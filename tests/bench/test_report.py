"""Reports of synthetic experiments, of one and of several."""

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from groups import cells
from project import ROOT
from synthetic_experiments import add, described, experiment
from typer.testing import CliRunner

from bench import report
from bench.experiment.settings import Report
from bench.reporting import (
    build,
    comparison_tables,
    metric_tables,
    render,
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


def test_time_to_the_protocols_target_and_what_it_cost(made):
    _, group = made
    (table,) = comparison_tables.cost(group)
    assert "fixed in the protocol" in table.about
    assert "*never*: a seed that did not reach the target" in table.about
    assert cells(table, "mmd")[1:4] == ["100% of 5", "5,000", "5"]
    assert cells(table, "gan[prior=sphere]")[1:4] == ["0% of 2", "never", "never"]
    assert cells(table, "mmd")[-4:] == ["1,234", "902.0 ± 2.0", "2", "0.97"]


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
    page = (tmp_path / "both" / "index.html").read_text()
    assert "<h1>digits, mnist: latent matching compared on digits, mnist</h1>" in page
    assert "gmum/cwae-pytorch" not in page, "published FIDs stand beside FIDs only"


def test_what_is_no_result_is_not_put_together_with_results(tmp_path):
    """Such as a run that --quick has cut down."""
    paths = []
    for dataset, caution in (("digits", None), ("mnist", None), ("cifar10", "cut down by --quick")):
        folder = described(ExperimentFolder(tmp_path / dataset), dataset)
        folder.describe(replace(folder.description(), caution=caution))
        paths.append(folder.path)
        for label, final in (("mmd", 10.0), ("moco", 5.0)):
            add(folder, label, 0, final)
    assert combine(*paths, "--out", tmp_path / "all").exit_code == 0
    assert (pd.read_csv(tmp_path / "all" / "aggregate.csv")["runs"] == 2).all()
    page = (tmp_path / "all" / "index.html").read_text()
    assert "Left out, for the reasons in their cautions: cifar10." in page
    assert "Caution: cut down by --quick." in page
    assert combine(paths[0], paths[2], "--out", tmp_path / "two").exit_code == 0
    assert not (tmp_path / "two" / "aggregate.csv").exists()


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
    assert pd.read_csv(tmp_path / "both" / "summary.csv")["variant"].tolist() == ["mmd[weight=2]"]
    results = pd.read_csv(tmp_path / "both" / "search.csv")
    assert results["point"].tolist() == [0, 1, 2]
    assert results["score"].tolist() == [10, 9, 8]


def test_another_baseline_and_margin_need_no_training(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    folder.describe(replace(folder.description(), methods=["mmd", "moco"]))
    for seed in range(5):
        add(folder, "mmd", seed, 10.0 + seed / 100)
        add(folder, "moco", seed, 10.2 + seed / 100)
    assert "Verdict on mmd claim moco distance = no difference" in " ".join(combine(folder.path).output.split())
    again = " ".join(combine(folder.path, "--baseline", "moco", "--margin", "0.01").output.split())
    assert "Verdict on moco claim mmd distance ✗ higher 1.02" in again
    assert pd.read_csv(folder.report / "claims.csv")["margin"].unique() == [0.01]
    assert combine(folder.path, "--baseline", "MoCo-WAE", "--margin", "0.01").output.split() == again.split()
    assert "unknown baseline 'mocc'. Did you mean moco?" in combine(folder.path, "--baseline", "mocc").stderr
    assert "latex = 'wide'" in combine(folder.path, "--latex", "wide").stderr


def test_a_report_is_light_if_the_run_or_the_command_says_so(tmp_path):
    folder = experiment(tmp_path / "exp")

    def is_light(*options: str) -> bool:
        assert combine(folder.path, *options).exit_code == 0
        return 'id="plotly"' not in (folder.report / "index.html").read_text()

    assert (is_light(), is_light("--light")) == (False, True)
    folder.describe(replace(folder.description(), report=Report(light=True)))
    assert (is_light(), is_light("--no-light")) == (True, False)
