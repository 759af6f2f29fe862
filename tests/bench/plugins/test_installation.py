"""Methods from outside the tree: examples/, --plugin and installed packages, through the public commands."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest
import torch
from project import ROOT, module_from
from runs import rows_of, sets
from specimens import make_trial
from typer.testing import CliRunner

import bench
from bench.errors import UserError
from bench.experiment.origins import source_of
from bench.plugins import installation as plugins
from bench.plugins.found import PluginPackage
from bench.runtime import code_location
from bench.store.folders import ExperimentFolder
from methods import METHODS
from methods.networks import Networks
from methods.priors import Normal

EXAMPLE = ROOT / "examples" / "energy.py"
ENTRIES = "theirs = theirs.penalty:Theirs\ntable = theirs.more:METHODS\nwhole = theirs.more"
PENALTY = 'from methods.mmd import MMD\nclass Theirs(MMD):\n    """A method."""\n'
COMPUTING = """from typing import Annotated
import torch
from methods.hyperparameters import Positive
from methods.mmd import MMD
class Theirs(MMD):
    '''A method with a constructor that computes with numbers.'''
    def __init__(self, networks, prior, *, weight: Annotated[float, Positive] = 1.0):
        super().__init__(networks, prior, weight=weight)
        self.gain = float(torch.ones(3).numpy().mean()) + torch.ones(3).mean().item()
"""
MORE = "from methods.vae import VAE\nclass Other(VAE): pass\nMETHODS = {'other': Other}\n"


@pytest.fixture(autouse=True)
def modules():
    """The packages that a test writes are imported anew by the next."""
    modules = set(sys.modules)
    yield
    for name in set(sys.modules) - modules:
        if name.startswith(("theirs", "single")):
            del sys.modules[name]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Installs the package `theirs` for this process and, by PYTHONPATH, for those that it starts."""

    def write(entries: str = ENTRIES, **modules: str):
        site = tmp_path / "site"
        files = {"__init__": "", "penalty": PENALTY, "more": MORE} | modules
        for name, text in files.items():
            path = site / "theirs" / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        about = site / "theirs-1.0.dist-info"
        about.mkdir(exist_ok=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[wae_bench.methods]\n{entries}\n")
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
        return site

    return write


def output(module: str, *arguments: str) -> str:
    """What a command that succeeds prints."""
    app = __import__(f"bench.{module}", fromlist=["app"]).app
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_example_keeps_the_contract():
    said = output("check", str(EXAMPLE))
    assert [line for line in said.splitlines() if "keeps the contract" in line and "energy" in line]
    assert "broken" not in said


@pytest.mark.reports
def test_the_example_is_compared_under_both_priors_and_shows_in_the_report(bench_run, tmp_path):
    result = bench_run("--plugin", str(EXAMPLE), "--methods", "energy[prior=normal|sphere]", "--seeds", "1")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "out" / "report" / "summary.md").read_text()
    assert "| `energy` | normal | 1 |" in text
    assert "| `energy[prior=sphere]` | sphere | 1 |" in text
    source = ExperimentFolder(tmp_path / "out").trials()[0].trial().source
    assert source.file == "examples/energy.py"


def test_the_examples_penalty_is_the_unbiased_energy_distance_of_loops():
    example = module_from(EXAMPLE)
    torch.manual_seed(0)
    method = example.Energy(Networks("small", (1, 8, 8), 3, 4), Normal(3))
    x = torch.rand(5, 1, 8, 8) * 2 - 1
    torch.manual_seed(1)
    penalty = method.losses(x)["penalty"].item()
    torch.manual_seed(1)
    samples, codes = method.prior.sample(5), method.encode(x)
    across = sum((a - b).norm().item() for a in codes for b in samples) / 25
    pairs = [(i, j) for i in range(5) for j in range(5) if i != j]
    inside = sum((points[i] - points[j]).norm().item() for i, j in pairs for points in (codes, samples)) / 20
    assert penalty == pytest.approx(2 * across - inside, abs=1e-5)


@pytest.mark.slow
def test_ray_and_serial_train_the_methods_of_an_installed_package(package, bench_run, start_run, tmp_path):
    site = package()
    command = ["--methods", "theirs,other", "--seeds", "1"]
    code, said = start_run(*command, *sets()).finish()
    assert code == 0, said
    assert bench_run(*command, out="serial").exit_code == 0
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), rows_of(tmp_path / "serial"), check_exact=True)
    source = {folder.trial().label: folder.trial().source for folder in ExperimentFolder(tmp_path / "out").trials()}
    assert source["theirs"].file == str(site / "theirs" / "penalty.py")
    assert source["other"].file == str(site / "theirs" / "more.py")


def test_every_command_that_looks_methods_up_knows_those_of_a_package(package, bench_run, tmp_path):
    package("theirs = theirs.penalty:Theirs", penalty=COMPUTING)
    assert bench_run("--methods", "theirs", "--seeds", "1").exit_code == 0
    out = tmp_path / "out"
    trial = ExperimentFolder(out).trials()[0].path
    commands = {
        "info": ["--json"],
        "evaluate": [str(out), "--samples", "64"],
        "sample": [str(trial), "--out", str(tmp_path / "grid.png")],
        "check": ["theirs"],
    }
    for name, arguments in commands.items():
        METHODS.pop("theirs", None)  # each command finds it for itself
        said = output(name, *arguments)
        assert name != "info" or "theirs" in json.loads(said)["methods"]
    METHODS.pop("theirs", None)
    assert bench.load(out).method("theirs").sample(2).shape == (2, 1, 8, 8)


def test_a_package_that_has_changed_makes_its_trials_stale(package, bench_run):
    entries = "theirs = theirs.penalty:Theirs"
    package(entries)
    command = ["--methods", "theirs", "--seeds", "1"]
    assert bench_run(*command).exit_code == 0
    package(entries, penalty=PENALTY + "# a comment changes no result\n")
    assert "stale" not in bench_run(*command).output
    package(entries, penalty=PENALTY + "torch_threads = print('changed')\nprint(torch_threads)\n")
    assert "1 stale trial" in bench_run(*command).output


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("x = gone:X", "gone:X cannot be imported: ModuleNotFoundError: No module named 'gone'"),
        ("x = theirs.penalty:Nothing", "theirs.penalty:Nothing cannot be imported: AttributeError: "),
        ("x = theirs.failing", "theirs.failing cannot be imported at failing.py:1: ValueError: no luck"),
        ("x = theirs.penalty", "'x' is not a subclass of methods.Method"),
        ("x = theirs.more:VALUE", "'x' is not a subclass of methods.Method"),
        ("x = theirs.more:WRONG", "'y' is not a subclass of methods.Method"),
        ("moco = theirs.penalty:Theirs", "a method 'moco' already exists; choose another name"),
        ("x = theirs.more:UNTYPED", "x: "),
    ],
)
def test_a_package_that_cannot_be_used_is_one_line_with_its_name_and_the_way_out(package, entry, message):
    untyped = "class UNTYPED(VAE):\n    def __init__(self, n, p, *, weight): ...\n"
    package(entry, failing="raise ValueError('no luck\\nmore')", more=MORE + "VALUE = 3\nWRONG = {'y': 3}\n" + untyped)
    result = CliRunner().invoke(__import__("bench.info", fromlist=["app"]).app, [])
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert line.startswith(f"error: the package theirs: {message}")
    assert line.endswith(" (pip uninstall theirs removes it)")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("x = theirs.failing", "theirs.failing cannot be imported at failing.py:2: ValueError: no luck"),
        ("x = theirs.penalty:Theirs", "RuntimeError at penalty.py:5: no luck"),
    ],
)
def test_the_place_of_an_error_in_an_installed_package_is_named(package, monkeypatch, entry, message):
    failing = PENALTY + "    def losses(self, x):\n        raise RuntimeError('no luck')\n"
    site = package(entry, failing="pass\nraise ValueError('no luck')", penalty=failing)
    monkeypatch.setattr(code_location, "FOREIGN_CODE", (*code_location.FOREIGN_CODE, str(site)))
    result = CliRunner().invoke(__import__("bench.check", fromlist=["app"]).app, ["x"])
    assert message in result.output


def test_help_and_reports_do_not_load_packages(package, bench_run, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    package("x = theirs.failing", failing="raise ValueError('no luck')")
    for arguments in (["bench.run", "--help"], ["bench.report", str(tmp_path / "out")]):
        done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("entries", "places"),
    [("theirs = theirs.penalty:Theirs", ["theirs"]), ("one = single:Theirs", ["single.py"])],
)
def test_what_another_machine_is_sent_is_the_top_level_module(package, entries, places):
    site = package(entries)
    (site / "single.py").write_text(PENALTY)
    plugins.install_all()
    assert plugins.package_paths() == [str(site / place) for place in places]


@pytest.mark.slow
def test_an_existing_cluster_is_sent_the_package(package, start_run, tmp_path):
    """Its nodes were started without the package on their path."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80 * 2**20})
    try:
        package("theirs = theirs.penalty:Theirs")
        command = ["--methods", "theirs", "--seeds", "1", "--address", made.address, *sets()]
        code, said = start_run(*command).finish()
    finally:
        made.shutdown()
    assert code == 0, said
    assert ExperimentFolder(tmp_path / "out").trials()[0].status().state == "done"


def test_a_plugin_cannot_replace_a_method_of_the_tree(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("from methods.mmd import MMD\nMETHODS = {'moco': MMD}\n")
    with pytest.raises(UserError, match="a method 'moco' already exists"):
        plugins.install(plugins.read(path))
    path.write_text("METHODS = {'mine': 3}\n")
    with pytest.raises(UserError, match="not a subclass"):
        plugins.install(plugins.read(path))
    header = "from methods import Method\nclass M(Method):\n    def __init__(self, n, p, *, weight{}): ...\n"
    for wrong, message in (
        ("", "needs a type and a default"),
        (": float", "needs a type"),
        (": int = 'a'", "of type int"),
    ):
        path.write_text(header.format(wrong) + "METHODS = {'mine': M}\n")
        with pytest.raises(UserError, match=message):
            plugins.install(plugins.read(path))
    path.write_text("1 / 0\n")
    with pytest.raises(UserError, match="ZeroDivisionError"):
        plugins.install(plugins.read(path))


def test_two_files_of_one_name_are_two_plug_ins_each_with_its_own_source(tmp_path):
    text = "from methods.vae import VAE\n\n\nclass {0}(VAE):\n    '''A method.'''\n\n\nMETHODS = {{'{1}': {0}}}\n"
    files = []
    for folder in ("a", "b"):
        path = tmp_path / folder / "mine.py"
        path.parent.mkdir()
        path.write_text(text.format("Mine", f"mine_{folder}"))
        files.append(path)
    try:
        plugins.install_all(files)
        sources = [source_of(make_trial(f"mine_{folder}").spec) for folder in ("a", "b")]
    finally:
        for folder in ("a", "b"):
            METHODS.pop(f"mine_{folder}", None)
    assert [source.file for source in sources] == [str(path) for path in files]


MEASURING = """from bench.plugins import Metric
from .penalty import scaled
def mean(features):
    return scaled(features.mean())
METRICS = {'mean': Metric(mean, better='lower')}
class Features:
    def forward(self, images):
        return scaled(images)
EXTRACTORS = {'features': Features}
class Other:
    def forward(self, images):
        return images
"""
HELPER = "def scaled(x):\n    return 2 * x\n"


def test_the_version_is_that_of_the_code_that_a_definition_reaches(package):
    """Prepared images, floors and the hashes of extractors depend on it."""

    def versions(more: str = MEASURING, penalty: str = HELPER) -> dict[str, str]:
        package("theirs = theirs.more", more=more, penalty=penalty)
        for name in [name for name in sys.modules if name.startswith("theirs")]:
            del sys.modules[name]
        return {entry.name: entry.version for entry in PluginPackage("theirs", "theirs.more", "theirs").entries()}

    before = versions()
    assert versions(MEASURING + "# a comment\n") == before
    assert versions(MEASURING.replace("        return images\n", "        return 2 * images\n")) == before
    changed = versions(penalty=HELPER.replace("2 * x", "3 * x"))
    assert {name for name in before if changed[name] != before[name]} == {"mean", "features"}


def test_a_worker_without_the_file_knows_the_versions_of_what_it_adds(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("from bench.plugins import CodeMetric\nCODE_METRICS = {'gap': CodeMetric(abs, 'lower')}\n")
    plugin = plugins.read(path)
    [entry] = plugin.entries()
    path.unlink()
    assert entry.version
    assert plugin.pinned([entry]).entries()[0].version == entry.version
