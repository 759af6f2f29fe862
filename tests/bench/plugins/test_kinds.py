"""Plug-ins of every kind: the examples through the public commands, and what a mistake says."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from project import ROOT
from runs import rows_of
from specimens import make_spec
from typer.testing import CliRunner

import bench
from bench.errors import ADDED_BY_PLUGINS, UserError
from bench.evaluation.code_measures import measure_codes
from bench.experiment.specification import DatasetIdentity
from bench.metrics.columns import DECLARED, METRICS, parse
from bench.plugins import installation
from bench.plugins.trying import Untested
from bench.store.folders import ExperimentFolder
from bench.training.loading import missing_plugin
from methods.priors import Normal

EXAMPLES = {
    "nearest": ("metric nearest", "metric kurtosis"),
    "dense": ("network dense",),
    "stripes": ("data set stripes",),
    "random_features": ("extractor random",),
    "von_mises_fisher": ("prior vmf",),
    "muon": ("optimiser simple_muon",),
    "resampled": ("sampler resampled",),
}
USED = [what for names in EXAMPLES.values() for what in names if not what.startswith("sampler")]
ALL = [
    *("--methods", "mmd[prior=vmf]", "--seeds", "1", "--dataset", "stripes", "--extractor", "random"),
    *("--set", "network.name=dense"),
    *("--set", "training.optimiser=simple_muon"),
    *("--set", "training.optimiser_options.momentum=0.8"),
    *("--set", "evaluation.metrics=[nearest,kurtosis]"),
]


def plugin_options(folder):
    return [part for name in EXAMPLES for part in ("--plugin", str(folder / f"{name}.py"))]


def output(command: str, *arguments: str, code: int = 0) -> str:
    app = __import__(f"bench.{command}", fromlist=["app"]).app
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def examples(tmp_path):
    folder = tmp_path / "examples"
    shutil.copytree(ROOT / "examples", folder)
    return folder


def forget_plugins():
    """As in another process that has not seen the plug-ins."""
    for registry in (
        installation._installed,
        *(each for kind in installation.KINDS.values() for each in kind.registries),
    ):
        for name in {name for _, name in installation._installed} | set(DECLARED):
            registry.pop(name, None)
    installation._installed.clear()


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_keeps_the_contract_of_its_kind(name):
    said = output("check", str(ROOT / "examples" / f"{name}.py"))
    assert [line.partition(": ")[0] for line in said.splitlines() if "keeps the contract" in line] == [*EXAMPLES[name]]


def test_info_lists_and_check_finds_what_a_plug_in_adds():
    option = ("--plugin", str(ROOT / "examples" / "nearest.py"))
    assert "nearest: Nearest: the distance in features" in output("info", *option)
    assert "metric nearest: keeps the contract" in output("check", "nearest", *option)
    assert "Did you mean nearest?" in output("check", "nearst", *option, code=2)


@pytest.mark.slow
@pytest.mark.reports
def test_one_trial_uses_every_kind_and_knows_when_one_has_changed(bench_run, examples, tmp_path):
    out, options = tmp_path / "out", plugin_options(examples)
    result = bench_run(*options, *ALL)
    assert result.exit_code == 0, result.output
    trial = ExperimentFolder(out).trials()[0]
    assert sorted(trial.trial().source.plugins) == sorted(USED)
    assert trial.trial().source.plugins["network dense"].file == str(examples / "dense.py")
    rows = rows_of(out)
    last = rows.iloc[-1]
    assert 0 < last["nearest_random_96_floor"] < last["nearest_random_96"]
    assert last["latent_kurtosis_prior"] > 1
    assert "0 to train" in bench_run(*options, *ALL).output

    (examples / "dense.py").write_text((examples / "dense.py").read_text().replace("nn.ReLU()", "nn.Tanh()"))
    stale = bench_run(*options, *ALL)
    assert "1 stale trial: their code (network dense) has changed" in stale.output

    forget_plugins()  # a report needs none of them
    output("report", str(out))
    report = (out / "report" / "summary.md").read_text()
    assert all(text in report for text in ("nearest ↓", "kurtosis ≈", "network dense: dense.py"))
    with pytest.raises(UserError, match="'dense' comes from a plug-in; give its file"):
        bench.load(out).method("mmd[prior=vmf]")

    again = bench_run(*options, *ALL, "--retrain-stale")
    assert again.exit_code == 0, again.output
    sampled = output("evaluate", str(out), *options, "--sampler", "resampled", "--samples", "64")
    assert "1 trial to score with random features" in sampled
    loaded = bench.load(out, [examples / f"{name}.py" for name in EXAMPLES])
    assert loaded.method("mmd[prior=vmf]").sample(2).shape == (2, 1, 8, 8)


def test_a_metric_of_a_plug_in_is_added_to_finished_trials(bench_run, examples, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    option = ("--plugin", str(examples / "nearest.py"))
    output("evaluate", str(tmp_path / "out"), *option, "--metrics", "nearest,kurtosis")
    forget_plugins()
    assert "nearest" not in METRICS
    assert "nearest ↓" in output("report", str(tmp_path / "out"))
    assert parse("nearest_classifier_96").metric == "nearest"
    forgotten = output("evaluate", str(tmp_path / "out"), "--metrics", "nearest", code=2)
    assert "the metric nearest comes from a plug-in; give its file with --plugin" in forgotten


GAP = """
from bench.plugins import Metric

def gap(images, real_images):
    "Gap: difference of {0} pixels."
    return abs(float(images.float().{0}() - real_images.float().{0}()))

METRICS = {{"gap": Metric(gap, better="lower")}}
"""


def test_old_values_of_a_metric_keep_their_description(bench_run, tmp_path):
    path = tmp_path / "gap.py"
    asked = ("--plugin", str(path), "--methods", "mmd", "--seeds", "1", "--set", "evaluation.metrics=[gap]")

    def described(kind: str, *extra: str) -> str:
        forget_plugins()
        path.write_text(GAP.format(kind))
        assert bench_run(*asked, *extra).exit_code == 0
        return ExperimentFolder(tmp_path / "out").require_description().metrics["gap"].about

    assert described("max") == "Gap: difference of max pixels."
    assert described("mean") == "Gap: difference of max pixels."
    assert described("mean", "--retrain-stale") == "Gap: difference of mean pixels."
    forget_plugins()
    missing = output("evaluate", str(tmp_path / "out"), "--samples", "64", code=2)
    assert "the metric 'gap' comes from a plug-in; give its file with --plugin" in missing


def test_random_numbers_of_a_metric_of_codes_neither_follow_nor_change_those_of_the_training(tmp_path):
    path = written(tmp_path, "CODE_METRICS = {'x': CodeMetric(lambda codes: torch.rand(()), better='lower')}")
    installation.install(installation.read(path))
    codes = SimpleNamespace(draws=torch.zeros(5, 3), prior=Normal(3), seed=0, data=SimpleNamespace(classes=[]))
    values = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        values.append(measure_codes(codes, ["x"]))
        assert torch.equal(torch.get_rng_state(), before)
    assert values[0] == values[1]


HEAD = """
import numpy as np
import torch
from torch import nn
from bench.plugins import CodeMetric, Dataset, Metric
from methods.networks import Architecture
from methods.priors import Prior
def two(features): return features.mean(0)
def nan(features): return float("nan")
def other(images, labels): return 0.0
def noisy(features): return np.random.default_rng().random()
def fine(features): return features.mean()
def code(codes): return codes.mean()
def pixels(images): return 1.0
def half(**shape): return nn.Linear(1, 1)
def encode(shape, outputs, width): return nn.Sequential(nn.Flatten(), nn.Linear(64, outputs))
def wide(shape, outputs, width): return nn.Sequential(nn.Flatten(), nn.Linear(64, outputs + 1))
def decode(shape, latent_dim, width): return nn.Sequential(nn.Linear(latent_dim, 64), nn.Unflatten(1, shape))
class Wrong(nn.Linear):
    def __init__(self, shape, outputs, width): super().__init__(width, outputs)
    def forward(self, x):
        return super().forward(x.flatten(1))
def squashed(shape, latent_dim, width):
    return nn.Sequential(nn.Linear(latent_dim, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
def none(): return {}
def fixed(shape, outputs, width): return nn.Sequential(nn.Flatten(), nn.Linear(784, outputs))
def network(encoder, decoder): return Architecture(encoder, decoder, 1, (1, 8, 8), 4, 3, "about")
class Flat(Prior):
    variance = 1.0
    def project(self, codes): return codes
    def sample(self, n, device="cpu"): return torch.randn(n, self.dim + 1)
class Narrow(Flat):
    def sample(self, n, device="cpu"): return 0.1 * torch.randn(n, self.dim)
class Unfinished(Prior):
    def project(self, codes): return codes
class NaN(nn.Module):
    def forward(self, images): return images.flatten(1) / 0.0 * 0.0
class Whole(nn.Module):
    def forward(self, images): return images.float()
class Fixed(torch.optim.SGD):
    def step(self, closure=None):
        for p in self.param_groups[0]["params"]: p.data.sub_(0.01)
class Empty:
    def __init__(self, method, images): pass
class Dim:
    def __init__(self, method, images): pass
    def sample(self, n): return torch.rand(n, 1, 8, 9)
"""


def written(folder: Path, dictionary: str) -> Path:
    """A plug-in with one dictionary."""
    path = folder / "mine.py"
    path.write_text(f"{HEAD}\n{dictionary}\n")
    return path


@pytest.mark.parametrize(
    ("dictionary", "message"),
    [
        ("METRICS = {'x': fine}", "'x' is not a bench.plugins.Metric; write Metric(function, better=\"lower\")"),
        ("METRICS = {'x': Metric(fine, better='low')}", "x: better='low'; write lower, higher or real"),
        ("METRICS = {'x': Metric(other, better='lower')}", "x: its function has a parameter labels; name some of feat"),
        ("METRICS = {'X': Metric(fine, better='lower')}", "'X' is not a valid metric name; use at most 100 lower-case"),
        ("METRICS = {'kernel': Metric(fine, better='lower')}", "a metric 'kernel' already exists; choose another name"),
        ("METRICS = {'neighbours': Metric(fine, better='lower')}", "a metric 'neighbours' already exists"),
        ("CODE_METRICS = {'tests': CodeMetric(code, better='lower')}", "a metric 'tests' already exists"),
        ("CODE_METRICS = {'c2st': CodeMetric(code, better='lower')}", "a metric 'c2st' already exists"),
        ("CODE_METRICS = {'x_prior': CodeMetric(code, better='lower')}", "x_prior: names that end in _prior are those"),
        (
            "METRICS = {'gap': Metric(fine, 'lower')}; CODE_METRICS = {'gap': CodeMetric(code, 'lower')}",
            "a metric 'gap' already exists",
        ),
        ("METRICS = {'kd_foo': Metric(pixels, 'lower')}", "kd_foo: its columns could be those of the metric kernel"),
        ("METRICS = {'kd': Metric(fine, 'lower')}", "kd: its columns could be those of the metric kernel"),
        (
            "METRICS = {'gap_x': Metric(pixels, 'lower'), 'gap': Metric(fine, 'lower')}",
            "gap: its columns could be those of the metric gap_x",
        ),
        ("METRIC = {'x': Metric(fine, better='lower')}", "METRIC is no kind of plug-in. Did you mean METRICS?"),
        ("NETWORKS = {'x': encode}", "'x' is not a methods.networks.Architecture"),
        ("NETWORKS = {'x': network(half, decode)}", "x: takes (**shape); write encoder(shape, outputs, width)"),
        ("NETWORKS = {'small': network(encode, decode)}", "a network 'small' already exists"),
        ("DATASETS = {'x': fine}", "'x' is not a bench.plugins.Dataset"),
        ("DATASETS = {'x': Dataset(fine, 8)}", "x: its load must be a function of root, or of nothing"),
        ("DATASETS = {'mnist': Dataset(dict, 8)}", "a data set 'mnist' already exists"),
        ("DATASETS = {'x': Dataset(none, '8')}", "settings of the data set: preprocessing.image_size = '8': input"),
        ("DATASETS = {'x': Dataset(none, 8, classes='ab')}", 'x: its classes must be names, such as classes=("cat",'),
        ("DATASETS = {'x': Dataset(none, 8, settings=[3])}", "x: its settings must be sections, such as settings={"),
        (
            "DATASETS = {'x': Dataset(none, 8, settings={'training': {'epoch': 3}})}",
            "x: settings of the data set: unknown key 'training.epoch'. Did you mean training.epochs?",
        ),
        ("EXTRACTORS = {'x_y': NaN}", "'x_y' is not a valid extractor name; use at most 100 a-z and 0-9"),
        ("EXTRACTORS = {'x': fine}", "x: takes (features); write __init__(self, shape) or __init__(self)"),
        ("PRIORS = {'x': NaN}", "'x' is not a subclass of methods.priors.Prior"),
        ("PRIORS = {'x': Unfinished}", "x: lacks sample, variance; define them as methods.priors.Prior says"),
        ("OPTIMISERS = {'x': NaN}", "'x' is not a subclass of torch.optim.Optimizer"),
        ("OPTIMISERS = {'sgd': Fixed}", "an optimiser 'sgd' already exists"),
        ("SAMPLERS = {'x': fine}", "x: takes (features); write __init__(self, method, images)"),
    ],
)
def test_what_breaks_a_contract_is_refused_in_one_line_when_it_is_installed(tmp_path, dictionary, message):
    path = written(tmp_path, dictionary)
    with pytest.raises(UserError) as error:
        installation.install_all([path])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("dictionary", "message"),
    [
        (
            "METRICS = {'x': Metric(two, better='lower')}",
            "the metric x returns Tensor of shape [8]; it must return one",
        ),
        ("METRICS = {'x': Metric(nan, better='lower')}", "the metric x returns nan; it must return a finite number"),
        ("METRICS = {'x': Metric(noisy, better='lower')}", "for the same images; draw random numbers from torch's"),
        (
            "NETWORKS = {'x': network(wide, decode)}",
            "outputs of the encoder of x, for images 1x8x8, must have the shape [3, 5], not [3, 6]",
        ),
        ("NETWORKS = {'x': network(encode, decode)}", "images of the decoder of x must be in [-1, 1]; let it end in a"),
        ("DATASETS = {'x': Dataset(lambda: {}, 8)}", "the data set x has the arrays none; name them images and labels"),
        ("DATASETS = {'x': Dataset(lambda: 1 / 0, 8)}", "the data set x fails at mine.py:"),
        (
            "DATASETS = {'x': Dataset(none, 8, settings={'network': {'name': 'smal'}})}",
            "settings of the data set x: unknown network 'smal'. Did you mean small?",
        ),
        (
            "DATASETS = {'x': Dataset(none, 8, settings={'training': {'optimiser': 'adamv'}})}",
            "settings of the data set x: unknown optimiser 'adamv'. Did you mean adam?",
        ),
        (
            "DATASETS = {'x': Dataset(none, 8, settings={'defaults': {'mmd': {'wait': 3}}})}",
            "settings of the data set x: unknown hyperparameter of mmd 'wait'. Did you mean weight?",
        ),
        ("NETWORKS = {'x': network(Wrong, decode)}", "the encoder of x, for images 1x8x8, fails at mine.py:"),
        ("NETWORKS = {'x': network(fixed, decode)}", "the encoder of x, for images 1x8x8, fails in mine.py:"),
        ("EXTRACTORS = {'x': NaN}", "the extractor x gives features that are not finite numbers"),
        ("EXTRACTORS = {'x': Whole}", "gives [4, 3, 32, 32] for 4 images; it must give features [4, d]"),
        ("PRIORS = {'x': Flat}", "samples of x must have the shape [4000, 6], not [4000, 7]"),
        ("PRIORS = {'x': Narrow}", "variance of x is 1, but that of its samples is 0.01"),
        ("OPTIMISERS = {'x': Fixed}", "x moves with learning rate 0; read group"),
        ("SAMPLERS = {'x': Empty}", "the sampler x has no sample(n)"),
        ("SAMPLERS = {'x': Dim}", "images of the sampler x must have the shape [7, 1, 8, 8], not [7, 1, 8, 9]"),
    ],
)
def test_what_breaks_a_contract_when_it_is_tried_is_one_line_of_bench_check(tmp_path, dictionary, message):
    path = written(tmp_path, dictionary)
    [line] = [line for line in output("check", str(path), code=1).splitlines() if line]
    assert "breaks the contract: " in line
    assert message in line


@pytest.mark.parametrize(
    ("dictionary", "message"),
    [
        (
            "NETWORKS = {'x': Architecture(fixed, squashed, 1, (1, 28, 28), 4, 3, 'about')}",
            "the encoder of x, for images 3x29x29, fails in mine.py:",
        ),
        (
            "PRIORS = {'x': type('Six', (Flat,), {'sample': lambda self, n, device='cpu': torch.randn(n, 6)})}",
            "samples of x must have the shape [4000, 9], not [4000, 6]",
        ),
    ],
)
def test_a_part_that_fits_its_own_sizes_only_keeps_the_contract_for_them(tmp_path, dictionary, message):
    said = output("check", str(written(tmp_path, dictionary)))
    assert f"keeps the contract for its own sizes; a run with others is refused, because {message}" in said


def test_every_kind_says_that_an_unknown_name_may_be_that_of_a_plug_in():
    assert {kind.noun for kind in installation.KINDS.values()} == ADDED_BY_PLUGINS


def test_a_misspelt_plug_in_file_is_told_by_its_siblings(examples):
    said = output("info", "--plugin", str(examples / "enrgy.py"), code=2)
    assert f"enrgy.py: No such file or directory. Did you mean {examples / 'energy.py'}?" in said


@pytest.mark.parametrize(
    ("dictionary", "settings", "message"),
    [
        (
            "NETWORKS = {'x': Architecture(fixed, squashed, 1, (1, 28, 28), 4, 3, 'about')}",
            ("--set", "network.name=x"),
            "the encoder of x, for images 1x8x8, fails in mine.py:",
        ),
        (
            "PRIORS = {'x': type('Six', (Narrow,), {'sample': lambda self, n, device='cpu': torch.randn(n, 6)})}",
            ("--methods", "mmd[prior=x]"),
            "samples of x must have the shape [4000, 8], not [4000, 6]",
        ),
    ],
)
def test_a_part_that_fits_its_own_sizes_only_is_refused_before_anything_is_trained(
    bench_run, tmp_path, dictionary, settings, message
):
    path = written(tmp_path, dictionary)
    result = bench_run("--plugin", str(path), "--seeds", "1", *settings)
    assert result.exit_code == 2
    assert f"error: the plug-in {path}: {message}" in result.output
    assert not (tmp_path / "data").exists()


def test_bench_prepare_knows_the_data_set_of_a_plug_in(examples, tmp_path):
    option = ("--plugin", str(examples / "stripes.py"), "--data-root", str(tmp_path / "data"))
    said = output("prepare", "stripes", *option)
    assert "8x8, grey" in said
    assert "classes: left, right" in said


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, None),
        ({"extractor": "gone"}, "extractor 'gone'"),
        ({"metrics": ["sharpness", "gone"]}, "metric 'gone'"),
    ],
)
def test_an_evaluation_needs_its_extractor_and_its_metrics(changes, missing):
    spec = make_spec("mmd")
    assert missing_plugin(spec) is None
    assert missing_plugin(spec, spec.evaluation.model_copy(update=changes)) == missing


LOADED = """
def load(root):
    with (root / "loaded").open("a") as file: file.write("x")
    return {"images": np.random.default_rng(0).integers(0, 256, (200, 8, 8), np.uint8)}
DATASETS = {"counted": Dataset(load, image_size=8, channels=1)}
"""


def test_a_data_set_is_loaded_twice_from_its_data_root_by_a_check_and_not_at_all_before_a_run(tmp_path):
    [entry] = installation.install(installation.read(written(tmp_path, LOADED)))
    spec = make_spec("mmd")
    identity = DatasetIdentity(name="counted", fingerprint="0" * 64, train_images=40)
    (tmp_path / "counted").mkdir()
    installation.refuse_broken(spec.model_copy(update={"dataset": identity}))
    assert not (tmp_path / "counted" / "loaded").exists()
    installation.try_out(entry, tmp_path)
    assert (tmp_path / "counted" / "loaded").read_text() == "xx"
    with pytest.raises(Untested, match="its files are not in"):
        installation.try_out(entry, tmp_path / "elsewhere")


def test_a_run_tries_its_plug_ins_out_before_anything_is_trained(bench_run, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(f"{HEAD}\nPRIORS = {{'x': Flat}}\n")
    result = bench_run("--plugin", str(path), "--methods", "mmd[prior=x]", "--seeds", "1")
    assert result.exit_code == 2
    assert f"error: the plug-in {path}: samples of x must have the shape" in result.output
    assert not (tmp_path / "out" / "trials").exists()


def test_a_plug_in_that_fails_in_a_command_is_one_line_with_its_place(bench_run, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    path = written(tmp_path, "class Failing(Dim):\n    def sample(self, n): return n.wrong\nSAMPLERS = {'x': Failing}")
    said = output("evaluate", str(tmp_path / "out"), "--plugin", str(path), "--sampler", "x", "--samples", "64", code=2)
    assert f"error: the plug-in {path} fails at mine.py:" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"training.optimiser": "adamv"}, "unknown optimiser 'adamv'. Did you mean adam?"),
        ({"training.optimiser": "sgd", "training.optimiser_options.momentun": "0.9"}, "Did you mean momentum?"),
        ({"training.optimiser": "sgd", "training.optimiser_options.momentum": "-1"}, "cannot be made with momentum=-1"),
        ({"evaluation.extractor": "inceptoin"}, "unknown extractor 'inceptoin'. Did you mean inception?"),
    ],
)
def test_a_name_or_an_option_that_does_not_exist_is_one_line(bench_run, settings, message):
    result = bench_run("--methods", "mmd", *[part for k, v in settings.items() for part in ("--set", f"{k}={v}")])
    assert result.exit_code == 2
    assert message in result.output
