"""bench.run as a user has it: through its command line."""

import io
import json
import re
import shutil
import signal
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest
import yaml
from images import picture, write_celeba
from PIL import Image
from plugin_files import write_plugin
from project import ROOT
from runs import interrupted_and_whole, long_training, rows_of
from specimens import change_document
from typer.testing import CliRunner

import bench
from bench import report
from bench.analysis import frames
from bench.executors import base
from bench.reporting import build
from bench.reporting.page_content import inlined
from bench.runtime.allowance import Allowance
from bench.store.folders import ExperimentFolder


@pytest.mark.draws
def test_a_run_leaves_tables_curves_grids_and_a_page(bench_run, tmp_path):
    result = bench_run("--methods", "moco,autoencoder[prior=sphere]", "--seeds", "2")
    assert result.exit_code == 0, result.output
    folder = ExperimentFolder(tmp_path / "out")
    summary = pd.read_csv(folder.report / "summary.csv")
    assert set(summary["variant"]) == {"moco", "autoencoder[prior=sphere]"}
    assert (summary["done"] == 2).all()
    curves = pd.read_parquet(folder.report / "curves.parquet")
    assert curves.groupby(["variant", "seed"]).size().tolist() == [4] * 4  # three of the curve, and the last one's own
    assert set(curves["step"]) == {1, 4, 8}
    page = (folder.report / "index.html").read_text()
    first = [trial.path.name for trial in folder.trials() if "-s0-" in trial.path.name]
    kinds = ("samples", "reconstructions", "interpolations")
    for name in ("figures/fd_classifier_64.png", *(f"{kind}/{trial}.png" for kind in kinds for trial in first)):
        assert inlined(folder.report / name) in page
        assert (folder.report / name).stat().st_size > 500
    assert "| `moco` | sphere | 2 |" in (folder.report / "summary.md").read_text()
    assert "index.html" in result.output
    spec = json.loads((folder.trials()[0].path / "environment.json").read_text())
    assert spec["packages"]["torch"] == version("torch")
    assert spec["threads"] == 1


@pytest.mark.reports
def test_a_run_can_leave_a_light_page(bench_run, tmp_path):
    assert bench_run("--methods", "moco", "--seeds", "1", "--light").exit_code == 0
    folder = ExperimentFolder(tmp_path / "out")
    assert folder.require_description().report.light
    assert 'id="plotly"' not in (folder.report / "index.html").read_text()


def test_an_experiment_keeps_its_precision_on_a_machine_that_would_choose_another(bench_run, tmp_path, monkeypatch):
    asked = ["--methods", "mmd", "--seeds", "1", "--set", "network.name=dcgan32"]
    monkeypatch.setattr("bench.driver.preflight.has_bf16", lambda _: True)
    first = bench_run(*asked)
    assert first.exit_code == 0, first.output
    assert "networks compute in bf16" in first.output
    description = yaml.safe_load((tmp_path / "out" / "experiment.yaml").read_text())
    assert description["protocol"]["training"]["precision"] == "bf16"
    monkeypatch.setattr("bench.driver.preflight.has_bf16", lambda _: False)
    assert "1 trial, 0 to train" in bench_run(*asked).output
    refused = bench_run(*asked, "--set", "training.precision=fp32")
    assert "training.precision is bf16 there and fp32 here" in refused.output


def test_the_same_command_trains_only_what_is_missing(bench_run, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    first = {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "trials").rglob("*.pt")}
    page = tmp_path / "out" / "report" / "index.html"
    reported = page.stat().st_mtime_ns
    again = bench_run("--methods", "mmd", "--seeds", "1")
    assert "1 trial, 0 to train" in again.output
    assert page.stat().st_mtime_ns == reported
    more = bench_run("--methods", "vae,mmd", "--seeds", "2")
    assert "4 trials, 3 to train" in more.output
    assert page.stat().st_mtime_ns != reported
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in first.items())
    description = yaml.safe_load((tmp_path / "out" / "experiment.yaml").read_text())
    assert (description["methods"], description["seeds"]) == (["mmd", "vae"], 2)
    forced = bench_run("--methods", "mmd", "--seeds", "1", "--force")
    assert "1 trial, 1 to train" in forced.output
    assert all(path.stat().st_mtime_ns != stamp for path, stamp in first.items())
    assert len(rows_of(tmp_path / "out")) == 4 * 4


def test_serial_runs_repeat_to_the_bit(bench_run, tmp_path):
    for out in ("one", "two"):
        assert bench_run("--methods", "moco,gan", "--seeds", "1", out=out).exit_code == 0
    pd.testing.assert_frame_equal(rows_of(tmp_path / "one"), rows_of(tmp_path / "two"), check_exact=True)


def test_the_order_of_methods_and_hyperparameters_does_not_change_a_trial(bench_run):
    bench_run("--methods", "moco[queue_size=64,temperature=0.5]", "--seeds", "1")
    again = bench_run("--methods", "moco[temperature=5e-1,queue_size=64]", "--seeds", "1")
    assert "1 trial, 0 to train" in again.output


def test_another_protocol_in_the_same_folder_is_refused_with_the_difference(bench_run):
    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    result = bench_run("--methods", "mmd", "--seeds", "1", training__epochs="3")
    assert result.exit_code == 2
    assert "has a different protocol: training.epochs is 2 there and 3 here" in result.stderr


def test_dry_run_counts_and_estimates_and_writes_nothing(bench_run, tmp_path):
    result = bench_run("--methods", "mmd,vae", "--seeds", "2", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "4 trials, 4 to train" in result.output
    assert re.search(r"^about \d.* s: .*trials", result.output, re.MULTILINE)
    assert re.search(r"^about .* \(\d+% of the trials' time for evaluations\)$", result.output, re.MULTILINE)
    assert re.search(r"^about \d.*B of results and \d.*B of prepared images$", result.output, re.MULTILINE)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "data").exists()
    bench_run("--methods", "mmd", "--seeds", "1")
    after = bench_run("--methods", "mmd,vae", "--seeds", "2", "--dry-run")
    assert "mmd seed 0: done already" in after.output
    assert "4 trials, 3 to train" in after.output


def test_a_missing_library_is_found_before_anything_is_trained(bench_run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    result = bench_run("--methods", "mmd", "--seeds", "1")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "not installed: plotly; install this project anew" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_dry_run_counts_the_cpus_and_the_memory_that_it_may_use(bench_run, monkeypatch):
    asked = ["--methods", "mmd", "--seeds", "9", "--dry-run"]
    monkeypatch.setattr(base, "allowance", lambda: Allowance(4, 64 * base.TRIAL_BYTES))
    assert "9 to train, 4 at a time" in bench_run(*asked, executor="ray").output
    assert "9 to train, 2 at a time" in bench_run(*asked, "--cpus-per-trial", "2", executor="ray").output
    assert "9 to train, 3 at a time" in bench_run(*asked, "--max-concurrent", "3", executor="ray").output
    refused = bench_run(*asked, "--cpus-per-trial", "5", executor="ray")
    assert "a trial asks for 5 CPUs, but this process may use 4" in refused.stderr
    monkeypatch.setattr(base, "allowance", lambda: Allowance(64, 2 * base.TRIAL_BYTES))
    assert "9 to train, 2 at a time" in bench_run(*asked, executor="ray").output


def test_a_dry_run_imports_nothing_that_takes_long_and_is_of_no_use_to_it(tmp_path):
    """Each takes from a third of a second to two: more than the dry run itself."""
    slow = ("ray", "pandas", "sklearn", "scipy.stats", "matplotlib", "torch._dynamo")
    code = f"""
import sys
from bench.run import app
try:
    app(sys.argv[1:])
finally:
    print([name for name in {slow} if name in sys.modules])
"""
    folders = ["--out", str(tmp_path / "out"), "--prepared", str(tmp_path / "prepared")]
    command = [sys.executable, "-c", code, "--methods", "moco", "--seeds", "1", "--dry-run", *folders]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "1 trial, 1 to train" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_dry_run_says_what_the_design_can_show_and_who_the_baseline_is_must_be_known(bench_run):
    few = bench_run("--methods", "moco,mmd,gan", "--dry-run", "--seeds", "3")
    assert "3 seeds cannot make any difference significant in 2 comparisons with the baseline: that takes" in few.output
    assert "If distances spread by 10.0% over seeds (assumed), a difference of 5% takes 80 seeds." in few.output
    assert bench_run("--methods", "moco,mmd", "--baseline", "WAE-MMD", "--dry-run").exit_code == 0
    wrong = bench_run("--methods", "moco,mmd", "--baseline", "gan", "--dry-run")
    assert "unknown baseline 'gan'" in str(wrong.output) + str(wrong.stderr)


def test_a_data_set_that_is_not_there_is_said_by_a_dry_run(bench_run):
    result = bench_run("--methods", "mmd", "--dataset", "mnist", "--dry-run", "--seeds", "1", network__width="4")
    assert "a run would download it" in result.output


@pytest.mark.parametrize(
    ("body", "state", "reason"),
    [
        ("raise RuntimeError('no luck')", "failed", "RuntimeError at mine.py:8: no luck"),
        ("return dict(loss=x.mean())", "failed", "ValueError: Broken.losses must give a scalar 'reconstruction'"),
        ("z = self.encode(x); r = squared_error(self.decode(z), x); return dict(loss=r * torch.nan, reconstruction=r)",
         "diverged", "loss is nan at step 1"),
    ],
)  # fmt: skip
def test_a_trial_that_fails_or_diverges_is_a_row_with_its_reason_and_the_rest_go_on(
    bench_run, plugin, tmp_path, body, state, reason
):
    result = bench_run("--plugin", plugin(body), "--methods", "broken,mmd", "--seeds", "1")
    assert result.exit_code == 1
    assert f"broken seed 0 {state}: {reason}" in result.stderr
    assert "Traceback" not in result.output
    assert ("error.txt" in result.stderr) == (state == "failed")
    summary = pd.read_csv(tmp_path / "out" / "report" / "summary.csv").set_index("variant")
    assert summary.loc["broken", state] == 1
    assert summary.loc["mmd", "done"] == 1
    assert reason in (tmp_path / "out" / "report" / "summary.md").read_text()
    again = bench_run("--plugin", plugin(body), "--methods", "broken,mmd", "--seeds", "1")
    assert again.exit_code == 1
    assert "1 trial failed or diverged before; --retry-failed runs them again" in again.output
    assert "2 trials, 0 to train" in again.output
    assert f"broken seed 0 {state}: {reason}" in again.stderr


def test_changed_source_makes_trials_stale_reported_apart_and_trained_again_when_asked(bench_run, plugin, tmp_path):
    body = "r = squared_error(self.decode(self.encode(x)), x); return dict(loss=r, reconstruction=r)"
    command = ["--methods", "broken,mmd", "--seeds", "1"]
    assert bench_run("--plugin", plugin(body), *command).exit_code == 0
    changed = plugin(body.replace("loss=r", "loss=2 * r"))
    result = bench_run("--plugin", changed, *command)
    assert "1 stale trial" in result.output
    assert "2 trials, 0 to train; digits has 1,000 train, 397 validation and 400 test images" in result.output
    foreseen = bench_run("--plugin", changed, *command, "--dry-run").output
    assert "broken seed 0: stale (mine.py changed)" in foreseen
    assert "1 stale trial: their code (mine.py) has changed" in foreseen
    again = bench_run("--plugin", changed, *command, "--dry-run", "--retrain-stale").output
    assert "broken seed 0: train again (mine.py changed)" in again
    summary = pd.read_csv(tmp_path / "out" / "report" / "summary.csv").set_index("variant")
    assert (summary.loc["broken †", "stale"], summary.loc["broken †", "done"]) == (1, 1)
    assert np.isfinite(summary.loc["broken †", "fd_classifier_96_mean"])
    assert "† marks stale trials, whose code has changed since they were trained: broken † (mine.py)" in result.output
    result = bench_run("--plugin", changed, *command, "--retrain-stale")
    assert "2 trials, 1 to train" in result.output
    assert pd.read_csv(tmp_path / "out" / "report" / "summary.csv").set_index("variant").loc["broken", "stale"] == 0


def test_stale_trials_are_kept_when_the_change_is_declared_to_change_nothing(bench_run, plugin, tmp_path):
    body = "r = squared_error(self.decode(self.encode(x)), x); return dict(loss=r, reconstruction=r)"
    command = ["--methods", "broken", "--seeds", "1"]
    assert bench_run("--plugin", plugin(body), *command).exit_code == 0
    before = rows_of(tmp_path / "out")
    renamed = plugin(body.replace("r =", "error =").replace("=r", "=error"))
    assert "--accept-stale keeps them" in bench_run("--plugin", renamed, *command).output
    result = bench_run("--plugin", renamed, *command, "--accept-stale")
    assert "1 trial: accepted as results of the present code" in result.output
    assert "1 trial, 0 to train" in result.output
    assert "trials are stale" not in bench_run("--plugin", renamed, *command).output
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), before, check_exact=True)
    assert build.build(ExperimentFolder(tmp_path / "out")).summary["done"].item() == 1


@pytest.mark.parametrize("mode", [(), ("--dry-run",)])
@pytest.mark.parametrize("changes", [{"methods": "broken[mode=a&b]"}, {"methods": "mmd[weight=1e301]"}])
def test_what_results_cannot_hold_is_refused_before_anything_is_prepared(bench_run, tmp_path, mode, changes):
    path = tmp_path / "mine.py"
    path.write_text(
        "from methods.mmd import MMD\n\nclass Broken(MMD):\n"
        "    def __init__(self, networks, prior, *, mode: str = 'a', weight: float = 1.0):\n"
        "        super().__init__(networks, prior, weight=weight)\n\nMETHODS = {'broken': Broken}\n"
    )
    result = bench_run("--plugin", str(path), "--methods", changes["methods"], "--seeds", "1", *mode)
    assert result.exit_code == 2
    assert "cannot be recorded (hyperparameters." in result.output.splitlines()[-1]
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "out" / "experiment.yaml").exists()


def test_a_plugin_in_an_unusual_place_is_trained_reported_and_read_again(bench_run, tmp_path):
    folder = tmp_path / "my\xa0plug-ins & <co>"
    folder.mkdir()
    path = write_plugin(folder, "raise ValueError('bad values: ' + '1, ' * 10**6 + chr(0xdcff))")
    command = ["--plugin", str(path), "--methods", "broken,mmd", "--seeds", "1"]
    result = bench_run(*command, out="out\xa0put")
    assert "broken seed 0 failed: ValueError at mine.py:8: bad values: 1, 1" in result.output
    assert max(map(len, result.output.splitlines())) < 2000
    assert sorted(bench.load(tmp_path / "out\xa0put").trials["state"]) == ["done", "failed"]
    assert "2 trials, 0 to train" in bench_run(*command, out="out\xa0put").output


def test_damaged_rows_of_a_finished_trial_are_written_again_from_its_checkpoint(bench_run, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    before = rows_of(tmp_path / "out")
    next((tmp_path / "out" / "trials").glob("*/history.parquet")).write_bytes(b"PAR1")
    result = bench_run("--methods", "mmd", "--seeds", "1")
    assert result.exit_code == 0
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), before, check_exact=True)


def test_a_damaged_checkpoint_is_said_and_the_one_before_is_used(bench_run, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    before = rows_of(tmp_path / "out")
    folder = ExperimentFolder(tmp_path / "out").trials()[0]
    (folder.path / "checkpoint.pt").write_bytes(b"half")
    change_document(folder, "status.json", state="running")
    result = bench_run("--methods", "mmd", "--seeds", "1")
    assert "checkpoint.pt is damaged; the checkpoint before it is used" in result.output
    assert "resumes from step 4 of 8" in result.output
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), before, check_exact=True)


def test_a_plugin_that_has_moved_is_not_stale(bench_run, plugin, tmp_path):
    body = "r = squared_error(self.decode(self.encode(x)), x); return dict(loss=r, reconstruction=r)"
    path = plugin(body)
    assert bench_run("--plugin", path, "--methods", "broken", "--seeds", "1").exit_code == 0
    (tmp_path / "mine.py").unlink()
    summary = build.build(ExperimentFolder(tmp_path / "out")).summary
    assert (summary["stale"].item(), summary["done"].item()) == (0, 1)


@pytest.mark.reports
def test_variants_with_long_names_keep_their_own_grids(bench_run, tmp_path):
    text = "moco[weight=5,temperature=0.05,queue_size=8192,momentum=0.9|0.999]"
    assert bench_run("--methods", text, "--seeds", "1").exit_code == 0
    assert len(list((tmp_path / "out" / "report" / "samples").iterdir())) == 2


def test_a_stored_extractor_is_used_as_it_is(bench_run, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    stored = tmp_path / "out" / "extractor" / "extractor.pt"
    result = bench_run("--methods", "mmd", "--seeds", "1", "--extractor", str(stored), out="other")
    assert result.exit_code == 0
    assert "training the classifier" not in result.output
    one, two = rows_of(tmp_path / "out"), rows_of(tmp_path / "other")
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_a_folder_of_images_runs_like_any_data_set(bench_run, image_tree, tmp_path):
    root = image_tree("cifar10", 32, 3, train=60, test=40)
    arguments = ["--methods", "mmd", "--dataset", "cifar10", "--data-root", str(root), "--seeds", "1"]
    result = bench_run(*arguments, network__width="4", network__latent_dim="4", training__batch_size="20")
    assert result.exit_code == 0, result.output
    assert rows_of(tmp_path / "out")["n_real"].unique().tolist() == [80]


@pytest.mark.reports
def test_images_that_were_left_out_are_counted_in_the_report(bench_run, image_tree, tmp_path):
    root = image_tree("cifar10", 32, 3, train=60, test=40)
    for name in ("x", "y"):
        (root / "cifar10" / "train" / "class0" / f"{name}.png").write_text("no image")
    arguments = ["--methods", "mmd", "--dataset", "cifar10", "--data-root", str(root), "--seeds", "1"]
    changes = {"network__width": "4", "network__latent_dim": "4", "training__batch_size": "20"}
    result = bench_run(*arguments, **changes)
    assert result.exit_code == 2
    assert re.search(r"class0/[xy]\.png: it is not an image", result.stderr)
    assert not (tmp_path / "out").exists()  # nothing came of it, so nothing is left
    result = bench_run(*arguments, "--skip-unreadable", **changes)
    assert result.exit_code == 0, result.output
    for name in ("index.html", "summary.md"):
        assert "2 unusable images of the data set: left out" in (tmp_path / "out" / "report" / name).read_text()


FEW = {
    "network__width": "4",
    "training__train_images": "64",
    "training__batch_size": "16",
    "training__epochs": "1",
    "evaluation__evaluations": "2",
    "evaluation__samples": "64",
    "evaluation__extractor_steps": "5",
}


@pytest.mark.reports
@pytest.mark.parametrize(
    ("dataset", "options", "network", "side", "columns"),
    [
        ("celeba", [], "dcgan64", 64, 8),
        pytest.param("celebahq", ["--image-size", "128"], "resnet256", 128, 4, marks=pytest.mark.slow),
        ("folder", ["--image-size", "32"], "dcgan32", 32, 8),
        ("folder", ["--image-size", "28", "--grey"], "small", 28, 8),
    ],
)
def test_every_data_set_of_the_paper_trains_with_its_default_network(
    bench_run, tmp_path, dataset, options, network, side, columns
):
    root = tmp_path / "images"
    if dataset == "celeba":
        write_celeba(root, train=120, validation=10, test=70)
    else:
        for i in range(900):
            picture((root if dataset == "folder" else root / dataset) / f"{i}.jpg", (130, 130))
    arguments = ["--dataset", dataset, "--data-root", str(root), "--prepared", str(tmp_path / "prepared"), *options]
    insist = ["--extractor", "rotation"]  # which random images do not train
    result = bench_run(*arguments, *insist, "--methods", "moco,vae", "--seeds", "1", **FEW)
    assert result.exit_code == 0, result.output
    folder = ExperimentFolder(tmp_path / "out")
    rows = frames.rows(folder)
    assert np.isfinite(rows["fd_rotation_64"].dropna()).all()
    assert rows.groupby("trial")["fd_rotation_96"].count().tolist() == [1, 1]
    assert (rows["n_real"] > 64).all()
    spec = folder.trials()[0].trial().spec
    assert spec.network.name == network
    assert spec.evaluation.extractor == "rotation"
    samples = folder.trials()[0].path / "samples"
    grids = [*samples.glob("samples-*.png"), *samples.glob("reconstructions-*.png"), folder.extractor.path / "real.png"]
    zoom = -(-32 // side)
    assert {Image.open(grid).size for grid in grids} == {(columns * (side * zoom + 1) + 1,) * 2}
    assert "fd_rotation" in (folder.report / "index.html").read_text()
    assert (folder.report / "figures" / "fd_rotation_64.png").exists()
    assert "fd_rotation" in (folder.report / "summary.md").read_text()


@pytest.mark.slow
def test_a_run_killed_between_checkpoints_goes_on_and_ends_with_the_same_rows(start_run, tmp_path):
    code, _ = interrupted_and_whole(start_run, tmp_path, signal.SIGKILL, "--executor", "serial")
    assert code == -signal.SIGKILL


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_stop_cleanly_and_say_how_to_go_on(number, status, start_run):
    # Long enough not to end before the signal comes, however busy the machine; it is never waited for. Rows come soon.
    command = ["--methods", "moco,mmd", "--seeds", "1", "--executor", "serial", *long_training(2000, evaluations=40)]
    run = start_run(*command)
    run.wait_for_step(10)
    run.send(number)
    code, output = run.finish()
    assert code == status
    assert re.search(r"To continue: \S*python\S* -m bench\.run --out", output)
    assert "Traceback" not in output


def test_help_needs_neither_torch_nor_ray_and_reports_neither():
    code = (
        "import sys, bench.run, bench.report, bench.analysis.frames, bench.reporting.build\n"
        "assert 'matplotlib' not in sys.modules, 'to load an experiment, and to leave its report, needs no figures'\n"
        "import bench.reporting.page\n"
        "assert not {'torch', 'ray', 'sklearn'} & set(sys.modules), 'heavy import'"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_of_no_command_imports_what_takes_long():
    names = "run report info check prepare evaluate sample pull clean"
    code = (
        f"import importlib, sys\nfor name in {names.split()}: importlib.import_module('bench.' + name)\n"
        "heavy = {'torch', 'ray', 'numpy', 'pandas', 'pyarrow', 'pydantic', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_report_can_be_made_again_from_the_folder_alone(bench_run, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    before = (tmp_path / "out" / "report" / "summary.csv").read_text()
    build.build(ExperimentFolder(tmp_path / "out"))
    assert (tmp_path / "out" / "report" / "summary.csv").read_text() == before
    for path, message in (("gone", "there is no folder"), ("data", "is not an experiment")):
        command = [sys.executable, "-m", "bench.report", str(tmp_path / path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert message in done.stderr
        assert done.stderr.count("\n") == 1


def test_every_row_can_be_read_with_pandas_alone(bench_run, tmp_path):
    assert bench_run("--methods", "moco", "--seeds", "1").exit_code == 0
    history = next((tmp_path / "out" / "trials").glob("*/history.parquet"))
    frame = pd.read_parquet(io.BytesIO(history.read_bytes()))
    assert {
        "alignment",
        "latent_uniformity_excess",
        "contrastive_excess",
        "fd_classifier_64_floor",
        "latent_mmd_p",
    } <= set(frame.columns)


def test_trials_of_another_protocol_in_one_folder_are_left_out_by_name(bench_run, tmp_path):
    """As after a damaged experiment.yaml was removed, or trial folders were copied together."""
    for width, out in (("4", "out"), ("6", "wide")):
        assert bench_run("--methods", "mmd", "--seeds", "1", out=out, network__width=width).exit_code == 0
    before = rows_of(tmp_path / "out")
    [trial] = (tmp_path / "wide" / "trials").glob("mmd*")
    shutil.copytree(trial, tmp_path / "out" / "trials" / trial.name)
    result = CliRunner().invoke(report.app, [str(tmp_path / "out")])
    assert result.exit_code == 0
    assert f"{trial.name} is left out, because its protocol is another than that of experiment.yaml" in result.stderr
    assert "network.width is 4 there and 6 here" in result.stderr
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), before, check_exact=True)
