"""The Ray executor: the same rows as the serial one, whatever happens on the way."""

import signal

import pandas as pd
import pytest
from conftest import sets
from test_run import interrupted_and_whole, rows_of

from bench import tables
from bench.store import ExperimentFolder


def test_ray_gives_the_rows_of_the_serial_executor_and_says_nothing_of_its_own(start_run, tmp_path):
    command = ["--methods", "moco,vae", "--seeds", "1", *sets()]
    code, output = start_run(*command).finish()
    assert code == 0, output
    assert start_run(*command, "--executor", "serial", out="serial").finish()[0] == 0
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), rows_of(tmp_path / "serial"), check_exact=True)
    assert "Configuration for experiment" not in output
    assert "Warning" not in output
    assert not (tmp_path / "out" / ".ray").exists()


def test_a_trial_too_large_for_the_cluster_is_refused_at_once(start_run):
    code, output = start_run("--methods", "mmd", "--seeds", "1", "--cpus-per-trial", "9999", *sets()).finish()
    assert code == 1
    assert "a trial asks for 9999 CPUs" in output
    assert "Traceback" not in output


@pytest.mark.slow
def test_a_cluster_that_cannot_be_reached_is_one_line(start_run):
    run = start_run("--methods", "mmd", "--seeds", "1", "--address", "127.0.0.1:1", *sets())
    code, output = run.finish()
    assert code == 1
    assert "error: cannot start on the Ray cluster at 127.0.0.1:1" in output
    assert "Traceback" not in output


@pytest.mark.slow
def test_failing_and_diverging_trials_end_the_run_non_zero_and_the_rest_go_on(start_run, tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from methods.mmd import MMD\n"
        "class Failing(MMD):\n"
        "    def losses(self, x):\n"
        "        raise RuntimeError('no luck')\n"
        "class Diverging(MMD):\n"
        "    def losses(self, x):\n"
        "        return {k: v * float('inf') for k, v in super().losses(x).items()}\n"
        "METHODS = {'failing': Failing, 'diverging': Diverging}\n"
    )
    run = start_run("--plugin", str(plugin), "--methods", "failing,diverging,mmd", "--seeds", "1", *sets())
    code, output = run.finish()
    assert code == 1
    assert "failing seed 0 failed: RuntimeError: no luck" in output
    assert "diverging seed 0 diverged: loss is inf at step 1" in output
    states = tables.trials(ExperimentFolder(tmp_path / "out")).set_index("variant")["state"].to_dict()
    assert states == {"failing": "failed", "diverging": "diverged", "mmd": "done"}


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced_and_the_trial_goes_on(start_run, tmp_path):
    """The method kills its own process once; Ray retries, and the trial continues from its checkpoint."""
    plugin, marker = tmp_path / "mine.py", tmp_path / "died"
    plugin.write_text(
        "import os, signal\n"
        "from pathlib import Path\n"
        "from methods.mmd import MMD\n"
        "class Dying(MMD):\n"
        "    steps = 0\n"
        "    def after_step(self):\n"
        "        self.steps += 1\n"
        f"        marker = Path({str(marker)!r})\n"
        "        if self.steps == 30 and not marker.exists():\n"
        "            marker.touch()\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "METHODS = {'dying': Dying}\n"
    )
    changes = sets(training__epochs="20")
    code, output = start_run("--plugin", str(plugin), "--methods", "dying", "--seeds", "1", *changes).finish()
    assert code == 0, output
    assert marker.exists()
    trial = ExperimentFolder(tmp_path / "out").trials()[0]
    attempts = [attempt["from_step"] for attempt in trial.status()["attempts"]]
    assert attempts[0] == 0
    assert attempts[1] > 0
    assert trial.rows()["step"].is_unique


@pytest.mark.slow
def test_a_ray_run_killed_between_checkpoints_goes_on_and_ends_with_the_same_rows(start_run, tmp_path):
    code, _ = interrupted_and_whole(start_run, tmp_path, signal.SIGKILL)
    assert code == -signal.SIGKILL


@pytest.mark.slow
def test_ctrl_c_under_ray_exits_130_and_the_same_command_goes_on(start_run, tmp_path):
    code, output = interrupted_and_whole(start_run, tmp_path, signal.SIGINT)
    assert code == 130
    assert "To go on: python -m bench.run --out" in output
    assert "Traceback" not in output
