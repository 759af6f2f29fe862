import pytest

from bench.data.datasets import DATASETS
from bench.driver import preflight
from bench.errors import UserError
from bench.executors.base import Resources
from bench.experiment.configuration import assignment, dataset_names, resolve
from bench.experiment.settings import Experiment
from bench.io.strict_yaml import load_yaml
from bench.runtime import environment
from methods.networks import Networks, fitting


def test_later_sources_win_section_by_section(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text("dataset: digits\nseeds: 5\ntraining: {epochs: 7, learning_rate: 1e-2}\n")
    found = resolve({"seeds": 2}, file, ["training.epochs=9", "network.width=4"])
    assert (found.seeds, found.training.epochs, found.training.learning_rate, found.network.width) == (2, 9, 0.01, 4)
    defaults = resolve({"dataset": "digits"})
    assert found.evaluation == defaults.evaluation
    assert found.network.latent_dim == defaults.network.latent_dim


def test_every_data_set_has_its_file_and_resolves():
    assert set(dataset_names()) == set(DATASETS)
    for name in dataset_names():
        given = {"image_size": 64} if name == "folder" else {}
        experiment = resolve({"dataset": name, "preprocessing": given})
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
        (["dataset=cifar"], "unknown data set 'cifar'. Did you mean cifar10?"),
    ],
)
def test_mistakes_are_one_line_that_names_the_place(sets, message):
    with pytest.raises(UserError) as error:
        resolve({}, None, sets)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("seeds: 1\nseeds: 2\n", "line 2: the key 'seeds' appears twice"),
        ("a: [1", "line 1"),
        ("- 1\n", "must contain keys"),
    ],
)
def test_bad_files_are_named(tmp_path, text, message):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=r"bad\.yaml") as error:
        load_yaml(file)
    assert message in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*gone.yaml"):
        load_yaml(tmp_path / "gone.yaml")


@pytest.mark.parametrize(
    ("sets", "before", "bf16", "expected"),
    [
        (["network.name=dcgan32"], None, True, "bf16"),
        (["network.name=dcgan32"], None, False, "fp32"),
        (["network.name=small"], None, True, "fp32"),  # too small to gain by it
        (["network.name=dcgan32", "training.precision=fp32"], None, True, "fp32"),
        (["network.name=small", "training.precision=bf16"], None, False, "bf16"),
        (["network.name=dcgan32", "training.reconstruction=cross_entropy"], None, True, "fp32"),
        (["network.name=dcgan32"], "bf16", False, "bf16"),  # what the experiment has, on whatever machine
        (["network.name=dcgan32"], "fp32", True, "fp32"),
    ],
)
def test_networks_compute_in_low_precision_where_that_is_faster(monkeypatch, sets, before, bf16, expected):
    monkeypatch.setattr(preflight, "has_bf16", lambda _: bf16)
    assert preflight.resolve_precision(resolve({}, None, sets), before, Resources(gpus=0)).precision == expected


def test_on_a_cluster_the_precision_of_large_networks_is_said_once(monkeypatch):
    """The driver's machine does not know what its nodes compute in."""
    monkeypatch.setattr(preflight, "has_bf16", lambda _: True)
    elsewhere, large = Resources(address="auto"), ["network.name=dcgan32"]
    with pytest.raises(UserError, match=r"precision for dcgan32: --set training\.precision=bf16 if"):
        preflight.resolve_precision(resolve({}, None, large), None, elsewhere)
    assert preflight.resolve_precision(resolve({}, None, large), "bf16", elsewhere).precision == "bf16"
    assert preflight.resolve_precision(resolve({}, None, ["network.name=small"]), None, elsewhere).precision == "fp32"
    said = resolve({}, None, [*large, "training.precision=fp32"])
    assert preflight.resolve_precision(said, None, elsewhere).precision == "fp32"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512f", False),
        ("flags\t\t: fpu avx512f avx512_bf16", True),
        ("Features\t: fp asimd bf16", True),  # ARM
        ("Features\t: fp asimd i8mm", False),
        ("", False),
    ],
)
def test_a_processor_says_whether_it_has_bf16(monkeypatch, tmp_path, flags, expected):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nmodel name\t: A processor\n{flags}\n")
    monkeypatch.setattr(environment, "CPUINFO", tmp_path / "cpuinfo")
    assert environment.has_bf16(on_gpu=False) == expected
    assert environment._processor() == "A processor"
    monkeypatch.setattr(environment, "CPUINFO", tmp_path / "gone")
    assert not environment.has_bf16(on_gpu=False)
