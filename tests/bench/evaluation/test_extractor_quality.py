"""An extractor is judged against chance; a run says it, falls back, and the report says it before its tables."""

import numpy as np
import pytest
from images import write_idx
from PIL import Image
from scipy.stats import binomtest

from bench.evaluation import extractor_quality
from bench.evaluation.extractor_quality import doubt
from bench.evaluation.feature_network import load_extractor
from bench.evaluation.feature_training import train_extractor
from bench.store.folders import ExperimentFolder


def test_a_network_that_has_learnt_is_not_doubted(digits, stored):
    assert doubt(load_extractor(stored), digits) is None


@pytest.mark.parametrize(("accuracy", "doubted"), [(0.0, True), (0.1, True), (0.13, True), (0.17, False), (0.9, False)])
def test_accuracy_is_compared_with_the_best_constant_answer_by_an_interval(digits, stored, accuracy, doubted):
    """400 test images, of which the most frequent digit has about 11%."""
    extractor = load_extractor(stored)
    extractor.description["test_accuracy"] = accuracy
    constant = np.bincount(digits.labels("test")).max() / 400
    problem = doubt(extractor, digits)
    assert (problem is not None) == doubted
    if problem:
        assert f"it is right for {accuracy:.1%} of 400 test images (98% interval" in problem
        assert f"a constant answer for {constant:.1%}" in problem


@pytest.mark.parametrize(("right", "n"), [(0, 1), (1, 1), (0, 400), (45, 400), (399, 400), (400, 400), (9812, 10_000)])
def test_the_interval_is_that_of_scipy(right, n):
    expected = binomtest(right, n).proportion_ci(extractor_quality.CONFIDENCE, method="exact")
    assert extractor_quality.proportion_interval(right, n) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_turns_are_guessed_in_a_quarter_of_cases(digits):
    extractor = load_extractor(train_extractor(digits, "rotation", steps=1))
    for accuracy, doubted in ((0.25, True), (0.28, True), (0.32, False)):
        extractor.description["test_accuracy"] = accuracy
        assert (doubt(extractor, digits) is not None) == doubted


def test_a_network_of_other_images_is_not_judged(digits, stored):
    extractor = load_extractor(stored)
    extractor.description.update(test_accuracy=0.0, fingerprint="0" * 64)
    assert doubt(extractor, digits) is None


@pytest.fixture
def at_chance(monkeypatch):
    """Extractors of these names are no better than chance."""

    def let(*names: str) -> None:
        def judge(extractor, data):
            return f"the {extractor.name} has learnt nothing" if extractor.name in names else doubt(extractor, data)

        monkeypatch.setattr(extractor_quality, "doubt", judge)

    return let


ONE = ["--methods", "mmd", "--seeds", "1"]
FALLS_BACK = "the classifier has learnt nothing; images are compared by a network that tells how they are turned"
REFUSED = "error: the rotation has learnt nothing; distances between images would mean nothing. Train it longer with"


def test_labels_that_cannot_be_learnt_fall_back_to_turns(bench_run, at_chance, tmp_path):
    at_chance("classifier")
    result = bench_run(*ONE)
    assert result.exit_code == 0, result.output
    assert FALLS_BACK in result.stderr
    assert "fd_rotation" in (tmp_path / "out" / "report" / "summary.csv").read_text()
    assert FALLS_BACK in bench_run(*ONE, "--dry-run", out="other").stderr  # the classifier is known now
    at_chance("classifier", "rotation")
    assert bench_run(*ONE).exit_code == 0  # the trials were measured with it


def test_a_search_falls_back_as_a_run_does(bench_run, at_chance, tmp_path):
    at_chance("classifier")
    result = bench_run(*ONE, "--tune", "1", "--set", "search.seeds=1", "--set", "search.final_seeds=0")
    assert result.exit_code == 0, result.output
    assert result.stderr.count(FALLS_BACK) == 1
    for folder in (tmp_path / "out", tmp_path / "out" / "search"):
        assert ExperimentFolder(folder).description().protocol.evaluation.extractor == "rotation"


@pytest.mark.parametrize("more", [(), ("--tune", "1")])
def test_without_anything_to_learn_nothing_is_trained(bench_run, at_chance, tmp_path, more):
    at_chance("classifier", "rotation")
    result = bench_run(*ONE, *more)
    assert result.exit_code == 2
    assert REFUSED in result.stderr
    assert result.stderr.strip().endswith("or insist on it with --extractor rotation")
    assert not list((tmp_path / "out").rglob("spec.json"))
    assert REFUSED in bench_run(*ONE, *more, "--dry-run").stderr


def test_random_labels_and_pixels_are_refused(bench_run, tmp_path):
    write_idx(tmp_path / "data" / "MNIST" / "raw", train=300, test=200)
    options = ["--dataset", "mnist", *ONE, "--set", "network.width=4"]
    result = bench_run(*options, evaluation__samples="80", evaluation__final_samples="null")
    assert result.exit_code == 2
    assert "does not tell the classes: it is right for" in result.stderr
    assert "does not tell by how much an image is turned: it is right for" in result.stderr


@pytest.mark.reports
def test_a_yardstick_at_chance_is_said_before_the_tables_and_again_by_the_report(bench_run, tmp_path):
    (tmp_path / "same").mkdir()
    for i in range(1000):
        Image.new("RGB", (8, 8), (120, 130, 140)).save(tmp_path / "same" / f"{i}.png")
    options = ["--dataset", "folder", "--data-root", str(tmp_path / "same"), "--image-size", "8", "--methods", "mmd"]
    more = ["--prepared", str(tmp_path / "prepared"), "--seeds", "1", "--set", "network.width=4"]
    more += ["--extractor", "rotation"]  # "auto" would refuse
    result = bench_run(*options, *more, evaluation__final_samples="null")
    assert result.exit_code == 0, result.output
    said = "the network whose features compare images does not tell by how much an image is turned"
    assert f"warning: {said}" in result.stderr
    assert result.stdout.index(f"Caution: {said}") < result.stdout.index("mmd  ")
    folder = ExperimentFolder(tmp_path / "out")
    assert folder.description().caution.startswith(said)
    summary = (folder.report / "summary.md").read_text()
    assert summary.index("Caution: the network") < summary.index("\n## ")
    page = (folder.report / "index.html").read_text()
    assert page.index("Caution: the network") < page.index("<table")
