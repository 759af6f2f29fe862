"""Faults that are injected for real, into processes of their own: kills at any moment, company, and no memory left."""

import random
import time
from pathlib import Path

import pandas as pd
import pytest
from runs import assert_same_results, long_training, rows_of, sets, trial_of

from bench.store.folders import ExperimentFolder

pytestmark = pytest.mark.slow

COMMAND = ["--methods", "moco,vae", "--seeds", "1", "--checkpoint-seconds", "0.3", *long_training(epochs=30)]
MOMENTS = 20  # of the serial run, one in each twentieth of the time that it takes
RAY_MOMENTS = 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The undisturbed run by executor: its folder, and the seconds that it took. Each is run once."""
    from runs import Process

    found = {}

    def run(executor: str) -> tuple:
        if executor not in found:
            place, started = tmp_path_factory.mktemp(executor), time.monotonic()
            process = Process(place / "out", "--data-root", str(place / "data"), "--executor", executor, *COMMAND)
            code, output = process.finish()
            assert code == 0, output
            found[executor] = place / "out", time.monotonic() - started
        return found[executor]

    return run


def case(executor: str, moment: int, moments: int):
    """One moment; each takes half a minute, so that most are left to `make test-nightly`."""
    return pytest.param(executor, moment, moments, marks=[pytest.mark.nightly] if moment % 3 else [])


@pytest.mark.parametrize(
    ("executor", "moment", "moments"),
    [case("serial", i, MOMENTS) for i in range(MOMENTS)] + [case("ray", i, RAY_MOMENTS) for i in range(RAY_MOMENTS)],
)
def test_a_run_killed_at_a_random_moment_ends_as_if_it_had_not_been(
    start_run, tmp_path, whole, executor, moment, moments
):
    reference, seconds = whole(executor)
    command = ["--executor", executor, *COMMAND]
    run = start_run(*command)
    time.sleep(seconds * (moment + random.Random(moment).random()) / moments)
    run.kill()
    code, output = start_run(*command).finish()
    assert code == 0, output
    assert "warning" not in output
    assert_same_results(tmp_path / "out", reference)


def test_the_second_of_two_runs_at_once_refuses_and_the_first_is_undisturbed(bench_run, start_run, tmp_path):
    command = ["--methods", "moco", "--seeds", "1", "--executor", "serial", *long_training()]
    first = start_run(*command)
    first.wait_for_step(10)
    code, output = start_run(*command).finish()
    assert code == 1
    message = f"another run is writing to {tmp_path}/out; wait for it, or choose another folder"
    assert output.splitlines()[-1] == f"error: {message}"
    assert "Traceback" not in output
    assert first.finish()[0] == 0
    arguments = ["--methods", "moco", "--seeds", "1", *long_training()]
    assert bench_run(*arguments, out="whole", tiny=False).exit_code == 0
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), rows_of(tmp_path / "whole"), check_exact=True)
    assert len(trial_of(tmp_path / "out", "moco").status().attempts) == 1


HUNGRY = """
import time
from pathlib import Path
from methods.mmd import MMD

class Hungry(MMD):
    steps = 0

    def after_step(self):
        self.steps += 1
        if self.steps == 30 and not Path({began!r}).exists():
            Path({began!r}).touch()
            held = b"x" * {bytes}
            time.sleep(60)
            Path({survived!r}).touch()

METHODS = {{"hungry": Hungry}}
"""
EATEN, ALLOWED = 8 * 2**30, 6 * 2**30  # bytes: what the worker takes, and how much more than now Ray lets be used


def memory() -> tuple[int, int]:
    """Bytes that this machine has, and that are available."""
    found = dict(line.split()[:2] for line in Path("/proc/meminfo").read_text().splitlines())
    return int(found["MemTotal:"]) * 1024, int(found["MemAvailable:"]) * 1024


def test_a_worker_that_ray_kills_for_its_memory_is_replaced_and_the_trial_goes_on(start_run, tmp_path, monkeypatch):
    """Ray's own monitor does it, with a threshold that is a little above what the machine uses now."""
    total, available = memory()
    if available < 1.5 * EATEN:
        pytest.skip(f"{available / 2**30:.1f} GB of memory are free, {1.5 * EATEN / 2**30:.0f} are needed")
    began, survived = tmp_path / "began", tmp_path / "survived"
    plugin = tmp_path / "mine.py"
    plugin.write_text(HUNGRY.format(began=str(began), survived=str(survived), bytes=EATEN))
    arguments = ["--plugin", str(plugin), "--methods", "hungry", "--seeds", "1", *sets(training__epochs="20")]
    threshold = (total - available + ALLOWED) / total
    monkeypatch.setenv("RAY_memory_usage_threshold", f"{threshold:.4f}")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "100")
    code, output = start_run(*arguments).finish()
    assert code == 0, output
    assert began.exists()
    assert not survived.exists()
    trial = ExperimentFolder(tmp_path / "out").trials()[0]
    attempts = [attempt.from_step for attempt in trial.status().attempts]
    assert attempts[0] == 0
    assert attempts[1] > 0
    assert start_run(*arguments, "--executor", "serial", out="whole").finish()[0] == 0
    assert_same_results(tmp_path / "out", tmp_path / "whole")
