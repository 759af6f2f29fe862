"""The Ray executor: the same rows as the serial one, whatever happens on the way."""

import os
import re
import signal
import subprocess

import pandas as pd
import pytest
from runs import interrupted_and_whole, long_training, rows_of, sets

from bench.analysis import frames
from bench.store.folders import ExperimentFolder

RAYLET, HEAD = "raylet/raylet ", "gcs_server "  # in command lines of Ray's processes


@pytest.mark.slow
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
def test_failing_and_diverging_trials_end_the_run_non_zero_and_the_rest_go_on(start_run, tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from methods.mmd import MMD\n"
        "import os\n"
        "class Failing(MMD):\n"
        "    def losses(self, x):\n"
        "        raise RuntimeError('no luck, but ' + os.environ['MALLOC_ARENA_MAX'] + ' arena')\n"
        "class Diverging(MMD):\n"
        "    def losses(self, x):\n"
        "        return {k: v * float('inf') for k, v in super().losses(x).items()}\n"
        "METHODS = {'failing': Failing, 'diverging': Diverging}\n"
    )
    run = start_run("--plugin", str(plugin), "--methods", "failing,diverging,mmd", "--seeds", "1", *sets())
    code, output = run.finish()
    assert code == 1
    reason = "RuntimeError at mine.py:5: no luck, but 1 arena"  # bench.runtime.memory.ONE_ARENA
    assert f"failing seed 0 failed: {reason}" in output
    assert "diverging seed 0 diverged: loss is inf at step 1" in output
    states = frames.trials(ExperimentFolder(tmp_path / "out")).set_index("variant")["state"].to_dict()
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
    attempts = [attempt.from_step for attempt in trial.status().attempts]
    assert attempts[0] == 0
    assert attempts[1] > 0
    assert not trial.rows().duplicated(["step", "n_generated"]).any()


@pytest.mark.slow
def test_a_ray_run_killed_between_checkpoints_goes_on_and_ends_with_the_same_rows(start_run, tmp_path):
    code, _ = interrupted_and_whole(start_run, tmp_path, signal.SIGKILL)
    assert code == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_under_ray_stops_cleanly_and_the_same_command_goes_on(number, status, start_run, tmp_path):
    code, output = interrupted_and_whole(start_run, tmp_path, number, epochs=180)  # Ray takes seconds to stop
    assert code == status, output
    assert re.search(r"To continue: \S*python\S* -m bench\.run --out", output)
    assert "Traceback" not in output


def child(process: int, command: str) -> int:
    """A child of a process whose command line contains `command`."""
    found = subprocess.run(["pgrep", "-P", str(process), "-f", command], capture_output=True, text=True, check=True)
    return int(found.stdout.split()[0])


@pytest.mark.slow
def test_a_signal_to_the_process_group_does_not_reach_ray_before_the_run_has_ended_it(start_run):
    """Without its raylet, the driver may exit with status 1 in native code, before it says how to continue."""
    run = start_run("--methods", "mmd", "--seeds", "1", *long_training(300))
    run.wait_for_step(10)
    own = os.getpgid(run.process.pid)
    assert own not in {os.getpgid(child(run.process.pid, name)) for name in (RAYLET, HEAD)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "lost"),
    [(RAYLET, "the raylet of this machine does not answer"), (HEAD, "its head node at .*")],
)
def test_without_ray_a_run_ends_in_one_line_and_the_same_command_goes_on(victim, lost, start_run):
    command = ["--methods", "mmd", "--seeds", "1", "--checkpoint-seconds", "1", *long_training(300)]
    run = start_run(*command)
    run.wait_for_step(10)
    os.kill(child(run.process.pid, victim), signal.SIGKILL)
    code, output = run.finish(60)  # it takes about 13 s; 30 are promised, of a machine that is not busy
    assert code == 1
    last = output.splitlines()[-1]
    assert re.fullmatch(f"error: Ray has ended: {lost}; .*; run the same command again to continue", last)
    assert "Traceback" not in output
    code, output = start_run(*command).finish()
    assert code == 0, output
    assert "resumes from step" in output


@pytest.fixture
def cluster():
    """A Ray cluster of two nodes with one CPU each, on this machine."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80 * 2**20})
    made.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    yield made
    made.shutdown()


@pytest.mark.slow
def test_an_existing_cluster_runs_the_trials_and_a_trial_must_fit_on_one_node(cluster, start_run, tmp_path):
    command = ["--methods", "mmd", "--seeds", "2", "--address", cluster.address, *sets()]
    code, output = start_run(*command, "--cpus-per-trial", "2", out="large").finish()
    assert code == 1
    assert "a trial asks for 2 CPUs and 0 GPUs, but the largest of 2 nodes has 1 and 0" in output
    code, output = start_run(*command).finish()
    assert code == 0, output
    assert start_run(*command[:4], *sets(), "--executor", "serial", out="serial").finish()[0] == 0
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), rows_of(tmp_path / "serial"), check_exact=True)
