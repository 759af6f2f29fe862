"""Settings: their sources, their order, and mistakes in them."""

import pytest

from bench.data.datasets import DATASETS
from bench.errors import UserError
from bench.experiment.configuration import assignment, dataset_names, resolve
from bench.experiment.settings import Experiment
from methods.networks import Networks, fitting


def test_later_sources_win_section_by_section(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text("dataset: digits\nseeds: 5\ntraining: {epochs: 7, learning_rate: 1e-2}\n")
    found = resolve({"seeds": 2}, file, ["training.epochs=9", "network.width=4"])
    assert (found.seeds, found.training.epochs, found.training.learning_rate, found.network.width) == (2, 9, 0.01, 4)
    defaults = resolve({"dataset": "digits"})
    assert found.evaluation == defaults.evaluation
    assert found.network.latent_dim == defaults.network.latent_dim


def test_a_budget_of_a_later_source_replaces_one_of_another_unit(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text("dataset: mnist\ntraining: {steps: 500}\n")
    of_file, typed = resolve({}, file).training, resolve({}, file, ["training.seconds=60"]).training
    assert (of_file.epochs, of_file.steps, of_file.seconds) == (None, 500, None)
    assert (typed.epochs, typed.steps, typed.seconds) == (None, None, 60.0)
    assert resolve({}, file, ["training.epochs=3"]).training.steps is None


def test_every_data_set_has_its_file_and_resolves():
    assert set(dataset_names()) == set(DATASETS)
    for name in dataset_names():
        given = {} if DATASETS[name].images or name == "celebahq" else {"image_size": 64}
        whole = "torchvision.SVHN" if name == "torchvision" else name
        experiment = resolve({"dataset": whole, "preprocessing": given})
        assert isinstance(experiment, Experiment)
        network, shape = experiment.network, experiment.preprocessing.shape
        chosen = fitting(shape[1]) if network.name == "auto" else network.name
        Networks(chosen, shape, network.latent_dim, network.width)  # which refuses images that do not fit


@pytest.mark.parametrize(("text", "value"), [("1e-3", 1e-3), ("128", 128), ("bf16", "bf16"), ("null", None)])
def test_assignments_read_values_as_yaml_with_plain_exponents(text, value):
    assert assignment(f"training.x={text}") == {"training": {"x": value}}


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["training.epoch=3"], "unknown key 'training.epoch'. Did you mean training.epochs?"),
        (["epochs=3"], "unknown key 'epochs'. Did you mean training.epochs?"),
        (["datset=mnist"], "unknown key 'datset'. Did you mean dataset?"),
        (["trainin.epochs=3"], "unknown key 'trainin'. Did you mean training?"),
        (["wobble=3"], "unknown key 'wobble'. python -m bench.info lists all keys."),
        (["training.epochs=0"], "training.epochs = 0: input should be greater than 0"),
        (["training.epochs=2.5"], "training.epochs = 2.5: input should be a valid integer"),
        (["training.learning_rate=.nan"], "training.learning_rate = nan"),
        (["training.learning_rate=-1"], "training.learning_rate = -1"),
        (["training.precision=fp16"], "training.precision = 'fp16': input should be 'auto', 'fp32' or 'bf16'"),
        (["training.epochs"], "--set takes key=value"),
        (["training.epochs="], "--set takes key=value"),
        (["training.learning_rate=1:30"], "training.learning_rate = '1:30': input should be a valid number"),
        (["training.epochs=1_0"], "training.epochs = '1_0': input should be a valid integer"),
        (["seeds=1", "seeds=2"], "--set seeds is given twice; give it once"),
        (["training={epochs: 1}", "training.epochs=2"], "--set training.epochs is given twice; give it once"),
        (["dataset=no"], "unknown data set 'no'."),
        (["dataset=cifar"], "unknown data set 'cifar'. Did you mean cifar10?"),
    ],
)
def test_mistakes_are_one_line_that_names_the_place(sets, message):
    with pytest.raises(UserError) as error:
        resolve({}, None, sets)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_option_and_set_do_not_set_the_same_key():
    with pytest.raises(UserError, match="seeds is given twice, by its option and by --set; give one"):
        resolve({"seeds": 1}, None, ["seeds=2"])


def test_a_leading_zero_changes_no_number(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text("training: {epochs: 010, batch_size: 0100}\n")
    found = resolve({}, file, ["seeds=012", "evaluation.samples=01000"])
    assert (found.training.epochs, found.training.batch_size, found.seeds) == (10, 100, 12)
    assert found.evaluation.samples == 1000


def test_a_file_may_hold_keys_as_set_and_messages_write_them(tmp_path):
    file = tmp_path / "{key}.yaml"
    file.write_text("training.epochs: 3\ntraining: {batch_size: 20}\n")
    training = resolve({}, file).training
    assert (training.epochs, training.batch_size) == (3, 20)
    file.write_text("training.epochs: 3\ntraining: {epochs: 3}\n")
    with pytest.raises(UserError, match=r"\{key\}\.yaml: the key training\.epochs appears twice; write it once"):
        resolve({}, file)
    file.write_text("training:\n")
    with pytest.raises(UserError, match=r"training is a section and has no keys; write training\.KEY"):
        resolve({}, file)
