"""--quick: what is cut, what is kept, and how its results are marked."""

from bench.driver.quick import cut
from bench.experiment.configuration import resolve
from bench.store.folders import ExperimentFolder


def test_everything_that_takes_long_is_cut_and_named():
    whole = resolve({"dataset": "cifar10"})
    small, cuts = cut(whole, {})
    assert (small.training.epochs, small.training.train_images, small.network.width) == (2, 2000, 16)
    assert small.evaluation.extractor == "classifier"
    assert "training.epochs 100 to 2, training.train_images all to 2000" in cuts
    assert "search" not in cuts  # nothing is searched
    assert (small.preprocessing, small.methods, small.seeds) == (whole.preprocessing, whole.methods, whole.seeds)


def test_a_search_is_cut_if_there_is_one():
    small, cuts = cut(resolve({"search": {"points": 16}}), {})
    assert (small.search.points, small.search.seeds, small.search.final_seeds) == (4, 1, 1)
    assert "search.points 16 to 4, search.seeds 2 to 1" in cuts


def test_images_are_cut_only_where_there_are_more():
    small, cuts = cut(resolve({"dataset": "digits"}), {})
    assert small.training.train_images is None  # it has 1,000
    assert "train_images" not in cuts
    own, cuts = cut(resolve({"dataset": "folder", "preprocessing": {"image_size": 32}}), {})
    assert own.training.train_images == 2000
    assert "training.train_images all to at most 2000" in cuts


def test_the_protocol_shows_the_images_that_are_used(bench_run, tmp_path):
    command = ["--methods", "autoencoder", "--seeds", "1"]
    assert bench_run(*command, training__train_images="2000", training__epochs="1").exit_code == 0
    training = ExperimentFolder(tmp_path / "out").require_description().protocol.training
    assert training is not None
    assert training.train_images == 1000
    again = bench_run(*command, training__train_images="2000", training__epochs="1")
    assert "1 trial, 0 to train" in again.output


def test_what_the_command_line_says_is_kept():
    typed = {"training": {"epochs": 50}, "evaluation": {"extractor": "inception"}}
    small, cuts = cut(resolve({"dataset": "cifar10", **typed}), typed)
    assert (small.training.epochs, small.evaluation.extractor) == (50, "inception")
    assert "epochs" not in cuts
    assert "evaluation.extractor " not in cuts


def test_a_budget_of_another_kind_is_cut_in_its_own_unit():
    for budget, most in (("steps=100000", 40), ("images=100000", 4000), ("seconds=600", 10.0)):
        name = budget.partition("=")[0]
        small, cuts = cut(resolve({}, None, [f"training.{budget}"]), {})
        assert (getattr(small.training, name), small.training.epochs) == (most, None)
        assert f"training.{name} " in cuts
        assert "epochs" not in cuts


def test_what_is_small_already_stays():
    small = resolve({}, None, ["training.epochs=1", "network.width=4", "evaluation.final_samples=null"])
    kept, cuts = cut(small, {})
    assert (kept.training.epochs, kept.network.width, kept.evaluation.final_samples) == (1, 4, None)
    assert "epochs" not in cuts


def test_images_without_published_classes_are_compared_by_rotation():
    own = resolve({"dataset": "folder", "preprocessing": {"image_size": 32}})
    assert cut(own, {})[0].evaluation.extractor == "rotation"


def test_results_are_marked_and_never_mix_with_real_ones(bench_run, tmp_path):
    command = ["--methods", "autoencoder", "--seeds", "1"]
    result = bench_run(*command, "--quick", evaluation__samples="64", evaluation__final_samples="64")
    assert result.exit_code == 0, result.output
    assert "--quick: " in result.output
    description = ExperimentFolder(tmp_path / "out").require_description()
    assert description.caution is not None
    assert "cut down by --quick" in description.caution
    assert "cut down by --quick" in (tmp_path / "out" / "report" / "summary.md").read_text()
    real = bench_run(*command, tiny=False)
    assert real.exit_code == 2
    assert "protocol" in real.output
