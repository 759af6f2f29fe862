"""Evaluation in proportion to the training: what follows from the budget, and what is kept."""

import pytest
import torch
from torch import nn

from bench.driver import proportion
from bench.driver.proportion import LEVELS, fit
from bench.driver.protocol import ExtractorChoice, ProtocolResolver
from bench.driver.resolution import resolve
from bench.executors.base import Resources
from bench.experiment.configuration import dataset_names
from bench.store.folders import ExperimentFolder

COUNTS = {"train": 45_000, "validation": 5000, "test": 10_000}
FEW = {"train": 1040, "validation": 130, "test": 130}  # a folder of 1,300 images
OWN = {"preprocessing": {"image_size": 64}}


def experiment(dataset="cifar10", extractor="classifier", *sets):
    settings = {"dataset": dataset, "evaluation": {"extractor": extractor}}
    family = {"torchvision": "torchvision.SVHN"}.get(dataset, dataset)
    needs_size = dataset in ("folder", "arrays", "huggingface", "torchvision")
    return resolve({**settings, "dataset": family, **(OWN if needs_size else {})}, None, list(sets))


def fitted(dataset="cifar10", extractor="classifier", *sets, counts=COUNTS):
    resolved = experiment(dataset, extractor, *sets)
    return fit(resolved.experiment, counts, resolved.asked)


@pytest.mark.parametrize("dataset", dataset_names())
@pytest.mark.parametrize(("extractor", "share"), [("rotation", 0.2), ("inception", 0.35)])
def test_a_longer_training_is_never_evaluated_less_and_the_longest_as_the_data_set_says(dataset, extractor, share):
    whole = experiment(dataset, extractor).experiment.evaluation
    most = [fitted(dataset, extractor, f"training.epochs={epochs}") for epochs in (1, 2, 5, 20, 100, 20_000)]
    for key in ("evaluations", "samples", "final_samples", "held_out", "reconstructions", "extractor_steps"):
        values = [getattr(each, key) for each in most]
        assert values == sorted(values)
        assert values[-1] == getattr(whole, key)
    assert proportion.SHARES.get(extractor, proportion.SHARE) == share


def test_a_share_of_the_model_time_is_kept_wherever_the_least_level_has_it():
    for epochs in (1, 3, 10, 30, 100):
        resolved = experiment("mnist", "classifier", f"training.epochs={epochs}").experiment
        evaluated = resolved.model_copy(update={"evaluation": fit(resolved, COUNTS, ())})
        training, evaluation = proportion.seconds(evaluated, COUNTS)
        assert evaluation <= 0.2 * (evaluation + training)


def test_a_folder_of_1300_images_does_not_evaluate_for_hours():
    """At its 50 epochs; the issue's dry run with 10,000 and 50,000 images said 19.5 hours."""
    evaluation = fitted("folder", "inception", counts=FEW)
    images = evaluation.evaluations * evaluation.samples + (evaluation.final_samples or 0)
    assert images * proportion.INCEPTION < 200


def test_what_is_asked_for_is_kept_and_only_the_rest_follows():
    evaluation = fitted("mnist", "classifier", "training.epochs=1", "evaluation.samples=7777")
    assert (evaluation.samples, evaluation.held_out) == (7777, 1000)  # held-out images go with the samples
    assert evaluation.final_samples == LEVELS[-1]["final_samples"]
    assert fitted("mnist", "classifier", "evaluation.final_samples=null").final_samples is None


def test_settings_of_a_file_are_asked_for_but_not_under_quick(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("evaluation: {samples: 5000}\nevaluation.extractor_steps: 77\n")
    assert resolve({}, file, ["evaluation.seed=1"]).asked == {"samples", "extractor_steps", "seed"}
    assert resolve({}, file, ["evaluation.seed=1"], quick=True).asked == {"seed"}


@pytest.mark.parametrize(("epochs", "chosen"), [(2, "auto"), (5000, "inception")])
def test_auto_takes_fids_network_only_where_the_budget_allows_enough_images(epochs, chosen):
    resolved = experiment("cifar10", "auto", f"training.epochs={epochs}")

    class Given:
        inception_weights = None

    resolver = ProtocolResolver(resolved.experiment, Given(), Resources(), None)  # pyright: ignore[reportArgumentType]
    inception = resolved.experiment.evaluation.model_copy(update={"extractor": "inception"})
    choice = resolver.affordable(ExtractorChoice(inception, None, None), True, COUNTS)
    assert choice.evaluation.extractor == chosen


def test_an_experiment_keeps_the_protocol_that_it_has(bench_run, tmp_path):
    command = ["--methods", "autoencoder", "--seeds", "1"]
    assert bench_run(*command).exit_code == 0
    training = ["--set", "training.epochs=2", "--set", "training.train_images=200"]
    again = bench_run(*command, *training, tiny=False)
    assert again.exit_code == 0, again.output
    assert "1 trial, 0 to train" in again.output
    assert ExperimentFolder(tmp_path / "out").require_description().protocol.evaluation.samples == 64


def test_parts_of_a_sweep_are_evaluated_alike(bench_run, tmp_path):
    command = ["--methods", "autoencoder", "--seeds", "1", "--sweep", "training.epochs=1,40"]
    sets = ["--set", "training.train_images=200", "--set", "network.width=4"]
    result = bench_run(*command, *sets, tiny=False)
    assert result.exit_code == 0, result.output
    parts = [ExperimentFolder(tmp_path / "out" / f"training.epochs={epochs}") for epochs in (1, 40)]
    first, second = (part.require_description().protocol.evaluation for part in parts)
    assert first == second


def test_a_network_whose_layers_return_tuples_or_take_keywords_has_a_cost():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.LSTM(4, 5), nn.Linear(5, 2)

        def forward(self, x):
            return self.last(input=self.first(x)[0])

    network = Recurrent()
    (recurrent, values), (linear, _) = proportion._work(network, torch.zeros(1, 3, 4))
    assert recurrent == 4 * 5 * (4 + 5)
    assert linear == 5 * 2
    assert values == 3 * 4 + 3 * 5
    assert not network.first._forward_hooks


def test_an_extractor_of_a_plug_in_is_not_trained_so_its_steps_stay():
    own = experiment("digits", "classifier", "training.epochs=1").experiment
    own = own.model_copy(update={"evaluation": own.evaluation.model_copy(update={"extractor": "edges"})})
    assert fit(own, FEW, set()).extractor_steps == own.evaluation.extractor_steps
