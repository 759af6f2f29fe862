"""Equal-budget search: its points, the statistics of their scores, and the command."""

import itertools
import math
import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import qmc
from specimens import make_trial

import bench
from bench.analysis import search
from bench.driver.tune import TUNING_SEED
from bench.experiment.labels import split_label
from bench.experiment.settings import Training
from bench.experiment.variants import LEARNING_RATES, parse_variants, search_point, unit_points
from bench.reporting.search_figures import draw_sensitivity
from bench.store.folders import ExperimentFolder
from methods import METHODS
from methods.hyperparameters import Choice, LogUniform, Uniform, schema


def test_spaces_give_their_ends_and_what_is_between():
    assert (LogUniform(0.01, 100).at(0), LogUniform(0.01, 100).at(0.5)) == (0.01, 1.0)
    assert LogUniform(16, 256, integer=True).at(0.5) == 64
    assert Uniform(-1, 1).at(0.75) == 0.5
    assert [Choice(("a", "b", "c")).at(u) for u in (0, 0.34, 0.999)] == ["a", "b", "c"]


@pytest.mark.parametrize("name", METHODS)
def test_points_are_allowed_spread_evenly_and_do_not_depend_on_the_rest_of_the_run(name):
    method = parse_variants([name])[0]
    points = [method.at_point(k) for k in range(32)]
    assert points[:8] == [parse_variants([f"{name}[point={k}]"])[0] for k in range(8)]
    for point in points:
        for key, value in point.hyperparameters.items():
            schema(METHODS[name])[key].parse(value)
        assert LEARNING_RATES.low <= point.learning_rate <= LEARNING_RATES.high
    spaces = {**METHODS[name].search_space, "learning_rate": LEARNING_RATES}
    logarithmic = [key for key, space in spaces.items() if isinstance(space, LogUniform)]
    values = [[(p.hyperparameters | {"learning_rate": p.learning_rate})[key] for key in logarithmic] for p in points]
    low, high = (np.log([getattr(spaces[key], end) for key in logarithmic]) for end in ("low", "high"))
    units = (np.log(np.array(values, float)) - low) / (high - low)
    random = np.random.default_rng(0).random((200, *units.shape))
    chance = np.median([qmc.discrepancy(sample) for sample in random])
    assert qmc.discrepancy(units.clip(0, 1)) < chance


def test_a_longer_search_begins_with_the_points_of_a_shorter_one():
    names = ("weight", "learning_rate")
    np.testing.assert_array_equal(unit_points(names, 64), unit_points(names, 192)[:64])
    assert search_point("mmd", names, 0) == search_point("sigreg", names, 0)
    assert search_point("mmd", ("weight",), 0) != search_point("mmd", names, 0)


def test_what_is_chosen_is_not_searched_and_stands_in_the_name():
    variant = parse_variants(["moco[temperature=0.1,learning_rate=0.002,point=5]"])[0]
    assert variant.hyperparameters["temperature"] == 0.1
    assert variant.learning_rate == 0.002
    assert variant.searched == ("weight", "queue_size", "momentum")
    assert variant.label == "moco[temperature=0.1,learning_rate=0.002,point=5]"
    assert split_label(variant.label) == ("moco[temperature=0.1,learning_rate=0.002]", 5)
    assert split_label("mmd[point=12]") == ("mmd", 12)
    assert split_label("mine[midpoint=4,point=7]") == ("mine[midpoint=4]", 7)


def test_the_expected_best_is_the_mean_over_all_subsets():
    scores = [3.0, 1.0, 4.0, 1.5, math.inf]
    for k, ours in enumerate(search.expected_best(scores), start=1):
        slow = [min(subset) for subset in itertools.combinations(scores, k)]
        assert ours == pytest.approx(np.mean(slow))


def table(scores: dict[str, list[float]]) -> pd.DataFrame:
    records = [
        {"trial": f"{v}{i}{s}", "method": v, "variant": v, "point": i, "seed": TUNING_SEED + s, "state": "done"}
        | {"score": score + s, "train_seconds": 2.0, "learning_rate": 10.0**-i, "weight": 1.0}
        for v, values in scores.items()
        for i, score in enumerate(values)
        for s in range(2)
    ]
    return pd.DataFrame.from_records(records)


def test_the_best_point_is_that_of_the_lowest_mean_over_seeds_and_failures_cost():
    results = table({"a": [3, 1, 1, 2], "b": [math.inf, 5], "c": [math.inf]})
    assert search.best(results) == {"a": 1, "b": 1}
    summary = search.summary(results).set_index("variant")
    assert list(summary.index) == ["a", "b"]
    assert summary.loc["a", "best_score"] == 1.5
    assert summary.loc["a", "median_score"] == 2.0
    assert summary.loc["a", "near_best"] == 0.5
    assert summary.loc["a", "expected_best_1"] == 2.25
    assert (summary.loc["b", "failed"], summary.loc["b", "expected_best_1"]) == (1, math.inf)
    assert summary.loc["a", "seconds"] == 16
    assert summary.loc["a", "best"] == "learning_rate=0.1"


@pytest.mark.slow
@pytest.mark.reports
def test_a_search_picks_on_validation_and_trains_the_best_again_on_fresh_seeds(bench_run, tmp_path):
    command = ["--methods", "mmd[prior=normal|sphere],autoencoder[learning_rate=0.01]", "--seeds", "2", "--tune"]
    result = bench_run(*command, "2")
    assert result.exit_code == 0, result.output
    out = tmp_path / "out"
    searched = ExperimentFolder(out / "search")
    results = search.results(searched)
    assert len(results) == 2 + 2 + 1  # of the autoencoder, whose learning rate is given, all points are one
    assert set(results["seed"]) == {TUNING_SEED}
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
    assert re.findall(r"(\d+) trials, (\d+) to train", again.output) == [("5", "0"), ("6", "0")]
    longer = bench_run(*command, "3", "--dry-run")
    assert re.findall(r"(\d+) trials, (\d+) to train", longer.output) == [("7", "2")]


def test_a_method_of_which_no_point_ends_is_said_and_left_out(bench_run, tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(BROKEN)
    result = bench_run("--plugin", str(plugin), "--methods", "broken,autoencoder", "--seeds", "1", "--tune", "1")
    assert result.exit_code == 1
    assert "no point of broken finished" in result.output
    assert set(bench.load(tmp_path / "out").trials["variant"]) == {"autoencoder[point=0]"}
    alone = bench_run("--plugin", str(plugin), "--methods", "broken", "--seeds", "1", "--tune", "1", out="alone")
    assert alone.exit_code == 1
    assert "no point of any method finished" in alone.output


BROKEN = """
from methods import METHODS as THERE


class Broken(THERE["autoencoder"]):
    def losses(self, x):
        raise RuntimeError("broken")


METHODS = {"broken": Broken}
"""


def test_a_shorter_search_afterwards_chooses_from_its_own_points(bench_run, tmp_path):
    options = ["--methods", "mmd", "--seeds", "1", "--tune"]
    assert bench_run(*options, "4").exit_code == 0
    scores = search.results(ExperimentFolder(tmp_path / "out" / "search")).set_index("point")["score"]
    for points in (1, 2, 3):
        assert (
            f"the best point of mmd: mmd[point={scores[:points].idxmin()}]" in bench_run(*options, str(points)).output
        )


def test_what_the_second_stage_would_be_refused_for_is_refused_before_the_search(bench_run, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    for more in ([], ["--dry-run"]):
        result = bench_run("--methods", "mmd", "--tune", "2", "--set", "network.width=7", *more)
        assert "has a different protocol" in result.output
    assert not (tmp_path / "out" / "search" / "trials").exists()


@pytest.mark.draws
def test_a_choice_between_words_can_be_drawn(tmp_path):
    results = table({"a": [3, 1, 2]})
    results["kind"] = ["x", "y", "x", "y", "x", "y"]
    draw_sensitivity(results, tmp_path / "figure")
    assert (tmp_path / "figure.png").stat().st_size > 5000


def test_each_variant_has_rungs_of_its_own_and_none_at_the_end():
    from bench.executors.ray import Asha

    labels = ("mmd[point=0]", "mmd[prior=sphere,point=0]", "mmd[point=1]")
    for epochs in (9, 30, 100):
        trials = {str(i): make_trial(label, training=Training(epochs=epochs)) for i, label in enumerate(labels)}
        asha = Asha(trials)
        assert asha.variants == {"0": "mmd", "1": "mmd[prior=sphere]", "2": "mmd"}
        for one in asha.schedulers.values():
            rungs = sorted(milestone for milestone, _ in one._brackets[0]._rungs)
            assert rungs == pytest.approx([epochs / 9, epochs / 3])


def test_asha_needs_ray_and_a_search(bench_run):
    options = ["--methods", "mmd", "--scheduler", "asha"]
    assert "use it with --executor ray" in bench_run(*options, "--tune", "2").output
    assert "add --tune N" in bench_run(*options).output


@pytest.mark.slow
@pytest.mark.reports
def test_asha_stops_points_that_are_behind_and_the_report_says_whom_that_favours(bench_run, tmp_path):
    options = ["--methods", "mmd", "--seeds", "1", "--tune", "6", "--scheduler", "asha", "--max-concurrent", "1"]
    result = bench_run(*options, executor="ray", training__epochs="9", evaluation__evaluations="6")
    assert result.exit_code == 0, result.output
    results = search.results(ExperimentFolder(tmp_path / "out" / "search"))
    assert set(results["state"]) == {"done", "stopped"}
    assert (results.loc[results["state"] == "stopped", "score"] == math.inf).all()
    assert "methods that start fast" in (tmp_path / "out" / "report" / "summary.md").read_text()
    again = bench_run(*options, executor="ray", training__epochs="9", evaluation__evaluations="6")
    assert re.findall(r"(\d+) trials, (\d+) to train", again.output) == [("6", "0"), ("1", "0")]
