"""Searches through the command: what they choose, refuse and go on with."""

import math
import re
import shutil

import pytest

import bench
from bench.analysis import search
from bench.driver import live_page
from bench.driver.tune import TUNING_SEED
from bench.experiment.variants import declared_spaces, parse_variants
from bench.store.folders import ExperimentFolder

BROKEN = """
from methods import METHODS as THERE


class Broken(THERE["autoencoder"]):
    def losses(self, x):
        raise RuntimeError("broken")


METHODS = {"broken": Broken}
"""


@pytest.mark.slow
@pytest.mark.reports
def test_a_search_picks_on_validation_and_trains_the_best_again_on_fresh_seeds(bench_run, tmp_path):
    command = ["--methods", "mmd[prior=normal|sphere],autoencoder[learning_rate=0.01]", "--seeds", "2", "--tune"]
    result = bench_run(*command, "2")
    assert result.exit_code == 0, result.output
    out = tmp_path / "out"
    searched = ExperimentFolder(out / "search")
    results = search.results(searched)
    # Of the autoencoder, whose learning rate is given, all points are one. The finalists have 3 more seeds.
    assert len(results) == 2 * (2 + 2 + 1) + 3 * (2 + 2)
    assert set(results["seed"]) == {TUNING_SEED + k for k in range(5)}
    assert searched.require_description().protocol.evaluation.split == "validation"
    loaded = bench.load(out)
    best = {
        f"{v.removesuffix(']')},point={k}]" if "[" in v else f"{v}[point={k}]" for v, k in search.best(results).items()
    }
    assert set(loaded.trials["variant"]) == best
    assert set(loaded.trials["seed"]) == {0, 1}
    assert set(loaded.rows["reference_split"]) == {"test"}
    for trial in loaded.trials.to_dict("records"):
        spec = loaded.folder.trial(trial["folder"]).trial().spec
        variant = parse_variants([trial["variant"]])[0]
        assert spec.learning_rate == variant.learning_rate
        assert spec.hyperparameters == variant.hyperparameters
    text = (out / "report" / "summary.md").read_text()
    assert "## Search" in text
    for name in ("search.csv", "search_summary.csv", "figures/search_best.png", "figures/search_sensitivity.png"):
        assert (out / "report" / name).stat().st_size > 0
    again = bench_run(*command, "2")
    assert re.findall(r"(\d+) trials, (\d+) to train", again.output) == [("10", "0"), ("12", "0"), ("6", "0")]
    longer = bench_run(*command, "3", "--dry-run")
    assert re.findall(r"(\d+) trials, (\d+) to train", longer.output) == [("14", "4")]


@pytest.mark.slow
@pytest.mark.reports
def test_the_live_page_of_a_search_is_that_of_the_experiment(bench_run, tmp_path, monkeypatch):
    pages, write = [], live_page._write
    monkeypatch.setattr(live_page, "SHARE", 1e9)
    monkeypatch.setattr(live_page, "_write", lambda *given: pages.append((given[1].text, given[2])) or write(*given))
    out = tmp_path / "out"
    command = ["--methods", "autoencoder", "--seeds", "2", "--live", "--tune"]
    assert bench_run(*command, "2").exit_code == 0
    assert {page for _, page in pages} == {out / "report" / "index.html"}
    of_search = [text.startswith(live_page.SEARCHING) for text, _ in pages]
    assert of_search == sorted(of_search, reverse=True)
    assert set(of_search) == {True, False}
    assert not (out / "search" / "report").exists()
    assert "still training" not in (out / "report" / "index.html").read_text()
    pages.clear()
    assert bench_run(*command, "3").exit_code == 0  # the report stays until there is a new one
    assert not any(text.startswith(live_page.SEARCHING) for text, _ in pages)


def test_a_method_without_a_finished_point_is_reported_and_left_out(bench_run, tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(BROKEN)
    result = bench_run("--plugin", str(plugin), "--methods", "broken,autoencoder", "--seeds", "1", "--tune", "1")
    assert result.exit_code == 1
    assert "no point of broken finished" in result.output
    assert set(bench.load(tmp_path / "out").trials["variant"]) == {"autoencoder[point=0]"}
    alone = bench_run("--plugin", str(plugin), "--methods", "broken", "--seeds", "1", "--tune", "1", out="alone")
    assert alone.exit_code == 1
    assert "no point of any method finished" in alone.output


def test_a_shorter_search_afterwards_chooses_from_its_own_points(bench_run, tmp_path):
    options = ["--methods", "mmd", "--seeds", "1", "--set", "search.final_seeds=0", "--tune"]
    assert bench_run(*options, "4").exit_code == 0
    scores = search.results(ExperimentFolder(tmp_path / "out" / "search")).groupby("point")["score"].mean()
    for points in (1, 2, 3):
        assert (
            f"the best point of mmd: mmd[point={scores[:points].idxmin()}]" in bench_run(*options, str(points)).output
        )


@pytest.mark.slow
@pytest.mark.reports
def test_a_searcher_learns_in_rounds_and_an_interrupted_search_continues_with_the_same_points(bench_run, tmp_path):
    pytest.importorskip("optuna")
    options = ["--methods", "mmd", "--seeds", "1", "--searcher", "tpe", "--tune", "6"]
    options += ["--set", "search.round=2", "--set", "search.final_seeds=0"]
    result = bench_run(*options)
    assert result.exit_code == 0, result.output
    assert "points 4 to 5 of 6, by tpe" in result.output
    searched = search.results(ExperimentFolder(tmp_path / "out" / "search"))
    assert set(searched["variant"]) == {"mmd[searcher=tpe]"}
    report = (tmp_path / "out" / "report" / "summary.md").read_text()
    assert "TPE (Optuna) chose the points" in report
    assert "searcher=tpe" not in report.partition("## Search")[0]
    lost = next((tmp_path / "out" / "search" / "trials").glob("*-point-2-s10001-*"))
    shutil.rmtree(lost)
    again = bench_run(*options)
    assert re.findall(r"(\d+) trials?, (\d+) to train", again.output) == [
        ("4", "0"),
        ("4", "1"),
        ("4", "0"),
        ("1", "0"),
    ]
    assert lost.exists()
    with_ray = bench_run(*options, "--dry-run", executor="ray")
    assert "then tpe chooses 4 points more of each variant, in rounds of 2: at most 8 trials" in with_ray.output


@pytest.mark.slow
def test_a_round_without_new_points_trains_nothing(bench_run):
    pytest.importorskip("optuna")
    method = "autoencoder[learning_rate=0.001]"  # nothing is searched, so the first round has its one point
    result = bench_run(
        "--methods", method, "--seeds", "1", "--searcher", "tpe", "--tune", "4", "--set", "search.round=2"
    )
    assert result.exit_code == 0, result.output


@pytest.mark.slow
def test_points_of_another_search_are_not_continued_under_the_same_labels(bench_run):
    pytest.importorskip("optuna")
    options = ["--methods", "mmd", "--seeds", "1", "--searcher", "tpe", "--tune", "4", "--set", "search.final_seeds=0"]
    assert bench_run(*options, "--set", "search.round=2").exit_code == 0
    result = bench_run(*options, "--set", "search.round=4")
    assert result.exit_code == 2
    assert "mmd[searcher=tpe,point=2] with other values" in " ".join(result.output.split())


def test_mistakes_of_the_second_stage_are_refused_before_the_search(bench_run, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    for more in ([], ["--dry-run"]):
        result = bench_run("--methods", "mmd", "--tune", "2", "--set", "network.width=7", *more)
        assert "has a different protocol" in result.output
    assert not (tmp_path / "out" / "search" / "trials").exists()


def test_asha_needs_ray_and_a_search(bench_run):
    options = ["--methods", "mmd", "--scheduler", "asha"]
    assert "use it with --executor ray" in bench_run(*options, "--tune", "2").output
    assert "add --tune N" in bench_run(*options).output
    assert "add --tune N" in bench_run("--methods", "mmd", "--searcher", "tpe").output


def test_a_range_needs_a_search_even_if_it_is_the_declared_one(bench_run):
    space = declared_spaces("mmd")["weight"]
    result = bench_run("--methods", f"mmd[weight={space.low}..{space.high}]")
    assert "has a range, which is for a search; add --tune N" in " ".join(result.output.split())


@pytest.mark.slow
@pytest.mark.reports
def test_asha_stops_points_that_are_behind_and_the_report_says_which_methods_benefit(bench_run, tmp_path):
    options = ["--methods", "mmd", "--seeds", "1", "--tune", "6", "--scheduler", "asha", "--max-concurrent", "1"]
    options += ["--set", "search.seeds=1", "--set", "search.final_seeds=0"]
    result = bench_run(*options, executor="ray", training__epochs="9", evaluation__evaluations="6")
    assert result.exit_code == 0, result.output
    results = search.results(ExperimentFolder(tmp_path / "out" / "search"))
    assert set(results["state"]) == {"done", "stopped"}
    assert (results.loc[results["state"] == "stopped", "score"] == math.inf).all()
    assert "methods that start fast" in (tmp_path / "out" / "report" / "summary.md").read_text()
    again = bench_run(*options, executor="ray", training__epochs="9", evaluation__evaluations="6")
    assert re.findall(r"(\d+) trials?, (\d+) to train", again.output) == [("6", "0"), ("1", "0")]
