"""Every file of configs/studies/ is a whole experiment that runs as it stands, and scaled down."""

import re
from collections import Counter
from typing import Any

import pytest
import yaml
from images import picture, write_celeba, write_idx
from project import ROOT, benchmark
from typer.testing import CliRunner

from bench.experiment.configuration import resolve
from bench.experiment.variants import Defaults, parse_variants
from bench.store.folders import ExperimentFolder
from methods import METHODS
from methods.priors import Sphere

REFERENCE = ROOT / "results" / "reference"
REPORTS = sorted(path.parent.name for path in REFERENCE.glob("*/experiment.yaml"))
STUDIES = {path.stem: path for path in sorted((ROOT / "configs" / "studies").glob("*.yaml"))}
TINY = {
    "network.width": "4",
    "training.epochs": "1",
    "training.train_images": "64",
    "training.batch_size": "32",
    "evaluation.evaluations": "1",
    "evaluation.samples": "64",
    "evaluation.final_samples": "64",
    "evaluation.extractor_steps": "5",
}


INSIST = ["--extractor", "rotation"]  # which random images do not train; "auto" would refuse


def labels(name: str) -> list[str]:
    experiment = resolve({}, STUDIES[name])
    return [variant.label for variant in parse_variants(experiment.methods, experiment.defaults)]


def trials(name: str) -> int:
    """How many a study has, those of a search included."""
    experiment = resolve({}, STUDIES[name])
    search = experiment.search
    if not search.points:
        return len(labels(name)) * experiment.seeds
    finals = min(search.finalists, search.points) * search.final_seeds
    return len(labels(name)) * (experiment.seeds + search.points * search.seeds + finals)


def run(name: str, tmp_path, *options: str):
    """The study with one seed, and one point of a search, of everything little."""
    from bench.run import app

    if resolve({}, STUDIES[name]).search.points:
        options += tuple(f"--set=search.{part}" for part in ("points=1", "seeds=1", "final_seeds=0"))
    places = ["--out", str(tmp_path / "out"), "--executor", "serial"]
    if "--data-root" not in options:
        places += ["--data-root", str(tmp_path / "data")]
    tiny = [part for key, value in TINY.items() for part in ("--set", f"{key}={value}")]
    return CliRunner().invoke(app, ["--config", str(STUDIES[name]), "--seeds", "1", *places, *tiny, *options])


@pytest.fixture
def data(tmp_path, image_tree):
    """Writes a few random images where a data set looks for its own; the options that this takes."""

    def write(name: str) -> list[str]:
        root = tmp_path / "data"
        if name == "celeba":
            write_celeba(root, train=100, validation=80, test=80)
        elif name == "celebahq":
            for i in range(900):
                picture(root / name / f"{i}.jpg", (64, 64))
            return ["--image-size", "64", "--set", "network.name=resnet64", *INSIST]
        elif name == "cifar10":
            return ["--data-root", str(image_tree(name, 32, 3, train=800, test=80))]
        elif name == "mnist":
            write_idx(root / "MNIST" / "raw", train=800)
        return INSIST if name in ("celeba", "mnist") else []

    return write


def test_the_studies_are_those_of_the_docs():
    text = (ROOT / "docs" / "how-to" / "settings.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|.*\| \d+ \|", text, re.MULTILINE)) == set(STUDIES)
    for name in STUDIES:
        found = re.search(rf"^\| `{name}` \|.*\| {trials(name)} \|", text, re.MULTILINE)
        assert found, f"{name} has {trials(name)} trials"


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_read_and_names_methods_that_there_are(name):
    assert labels(name)
    assert len(labels(name)) == len(set(labels(name)))


def test_what_the_studies_compare():
    for name in ("paper_cifar10", "paper_celeba", "paper_celebahq"):
        settings = Counter(label.partition("[")[0] for label in labels(name))
        assert set(settings) == {"moco", "mmd", "gan", "vae"}
        assert len(set(settings.values())) == 1, "none has more settings than another to be best with"
    sphere = {name for name, method in METHODS.items() if "sphere" in method.priors}
    assert {variant.method for variant in parse_variants(resolve({}, STUDIES["same_prior"]).methods)} == sphere
    for name in ("same_prior_mnist", "same_prior_cifar10"):
        assert resolve({}, STUDIES[name]).methods == resolve({}, STUDIES["same_prior"]).methods
    for name in ("same_prior", "mnist_sphere10", "mnist_sphere10_fair"):
        assert {variant.prior for variant in parse_variants(resolve({}, STUDIES[name]).methods)} == {"sphere"}


@pytest.mark.parametrize("dataset", ["digits", "mnist", "cifar10"])
def test_neighbours_are_those_of_todays_defaults(dataset):
    made = benchmark("neighbours", dataset)
    assert made == STUDIES[f"neighbours_{dataset}"].read_text()
    defaults = resolve({"dataset": dataset}).defaults
    assert set(defaults) <= set(labels(f"neighbours_{dataset}"))


def settings(report: dict[str, Any], defaults: Defaults) -> dict[str, tuple[dict[str, Any], float]]:
    """Each variant of a report -> its hyperparameters and learning rate, if these were the defaults."""
    variants = parse_variants(report["methods"], defaults)
    fixed = report["protocol"]["training"]["learning_rate"]
    return {v.label: (v.hyperparameters, v.learning_rate or fixed or v.defaults["learning_rate"]) for v in variants}


@pytest.mark.parametrize("name", REPORTS)
def test_a_kept_report_takes_at_most_three_megabytes(name):
    assert sum(path.stat().st_size for path in (REFERENCE / name).rglob("*") if path.is_file()) <= 3 * 2**20


@pytest.mark.parametrize("name", REPORTS)
def test_a_kept_report_has_todays_defaults(name):
    """A new default calls for a new report: the README says of them that all methods are tuned alike."""
    report = yaml.safe_load((REFERENCE / name / "experiment.yaml").read_text())
    today = resolve({"dataset": report["protocol"]["dataset"]["name"]}).defaults
    assert settings(report, report["defaults"]) == settings(report, today)


def test_mnist_sphere10_is_the_published_set_up():
    experiment = resolve({}, STUDIES["mnist_sphere10"])
    training, evaluation = experiment.training, experiment.evaluation
    assert (experiment.network.latent_dim, experiment.seeds) == (11, 5)  # S^10 lies in R^11
    assert (training.batch_size, training.learning_rate, training.weight_units) == (500, 1e-3, "absolute")
    assert (training.reconstruction, evaluation.samples, evaluation.split) == ("cross_entropy", 10_000, "test")
    variants = {variant.method: variant.hyperparameters for variant in parse_variants(experiment.methods)}
    assert {hyperparameters["weight"] for hyperparameters in variants.values()} == {10}
    assert variants["sliced"]["slices"] == variants["spherical_sliced"]["slices"] == 1000
    assert variants["mmd"]["kernels"] == 1
    assert variants["mmd"]["scale"] * Sphere(11).squared_distance == 22
    blur = variants["sinkhorn"]["epsilon"] * Sphere(11).squared_distance / 2  # geomloss halves the cost
    assert blur == pytest.approx(0.05**2)


def test_the_fair_mnist_sphere10_differs_in_settings_of_the_methods_alone():
    literal, fair = (resolve({}, STUDIES[name]) for name in ("mnist_sphere10", "mnist_sphere10_fair"))
    assert fair.methods == [
        "spherical_sliced",
        "sliced[prior=sphere]",
        "mmd[prior=sphere]",
        "sinkhorn[prior=sphere]",
        "moco",
    ]
    training = {"learning_rate": None, "weight_units": "relative"}
    assert fair.training == literal.training.model_copy(update=training)
    assert fair.network == literal.network.model_copy(update={"scaled_codes": True})
    assert (fair.dataset, fair.seeds, fair.evaluation) == (literal.dataset, literal.seeds, literal.evaluation)


def test_same_prior_has_the_budget_of_the_main_job():
    one, two = (resolve({}, STUDIES[name]) for name in ("digits", "same_prior"))
    assert one.model_copy(update={"methods": two.methods}) == two


@pytest.mark.parametrize("name", STUDIES)
def test_a_dry_run_of_a_study_lists_its_trials(name, data, tmp_path, monkeypatch):
    """Without the estimate, which times steps of every variant; of what a run would download nothing is needed."""
    monkeypatch.setattr("bench.driver.estimate.lines", lambda *_: [])
    options = data("celebahq") if name == "paper_celebahq" else []
    result = run(name, tmp_path, "--dry-run", *options)
    assert result.exit_code == 0, result.output
    assert f"{len(labels(name))} trials, {len(labels(name))} to train" in result.output


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_a_study_trains_scaled_down(name, data, tmp_path):
    dataset = yaml.safe_load(STUDIES[name].read_text())["dataset"]
    result = run(name, tmp_path, *data(dataset))
    assert result.exit_code == 0, result.output
    states = [each.status().state for each in ExperimentFolder(tmp_path / "out").trials()]
    assert states == ["done"] * len(labels(name))
