"""An extractor is judged against chance; a run says it, falls back, and the report says it before its tables."""

import numpy as np
import pytest
from images import write_idx
from PIL import Image

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


def test_turns_are_guessed_in_a_quarter_of_cases(digits):
    extractor = load_extractor(train_extractor(digits, "rotation", steps=1))
    for accuracy, doubted in ((0.25, True), (0.28, True), (0.32, False)):
        extractor.description["test_accuracy"] = accuracy
        assert (doubt(extractor, digits) is not None) == doubted


def test_a_network_of_other_images_is_not_judged(digits, stored):
    extractor = load_extractor(stored)
    extractor.description.update(test_accuracy=0.0, fingerprint="0" * 64)
    assert doubt(extractor, digits) is None


def test_labels_that_cannot_be_learnt_fall_back_to_turns(bench_run, tmp_path):
    """Random pixels with random labels; turns cannot be told either."""
    write_idx(tmp_path / "data" / "MNIST" / "raw", train=300, test=200)
    options = ["--dataset", "mnist", "--methods", "mmd", "--seeds", "1", "--set", "network.width=4"]
    result = bench_run(*options, evaluation__samples="80", evaluation__final_samples="null")
    assert result.exit_code == 0, result.output
    assert "does not tell the classes: it is right for" in result.stderr
    assert "; images are compared by a network that tells how they are turned" in result.stderr
    assert "fd_rotation" in (tmp_path / "out" / "report" / "summary.csv").read_text()


@pytest.mark.reports
def test_a_yardstick_at_chance_is_said_before_the_tables_and_again_by_the_report(bench_run, tmp_path):
    (tmp_path / "same").mkdir()
    for i in range(1000):
        Image.new("RGB", (8, 8), (120, 130, 140)).save(tmp_path / "same" / f"{i}.png")
    options = ["--dataset", "folder", "--data-root", str(tmp_path / "same"), "--image-size", "8", "--methods", "mmd"]
    more = ["--prepared", str(tmp_path / "prepared"), "--seeds", "1", "--set", "network.width=4"]
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
