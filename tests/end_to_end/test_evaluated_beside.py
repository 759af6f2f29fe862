"""Evaluations in Ray tasks beside a trial: the same rows, whatever becomes of the tasks, and no process left."""

import signal
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from runs import rows_of, sets, trial_of

from bench.io.files import Damaged
from bench.runtime.allowance import allowance

SECONDS = 900  # a busy machine; else the test takes about two minutes

# From the fifth step on, training goes on slowly, so that the evaluating process is ready in time, until there is a
# file "hurry". That process kills itself once.
PLUGIN = """
import os, signal, time
from pathlib import Path
import torch
from methods.mmd import MMD

NOTES = Path(os.environ["NOTES"])
(NOTES / f"imported-{os.getpid()}").touch()

class Noting(MMD):
    def __init__(self, networks, prior, **more):
        super().__init__(networks, prior, **more)
        self.register_buffer("steps", torch.zeros(()))

    def after_step(self):
        super().after_step()
        self.steps += 1
        (NOTES / f"trained-{os.getpid()}").touch()
        for _ in range(40 if self.steps > 4 else 0):
            if not self.waits():
                break
            time.sleep(0.25)
        if self.steps > 4 and not (NOTES / "hurry").exists():
            time.sleep(1)

    def waits(self):
        processes = 3 + (NOTES / "died").exists()  # the driver, the trial, and those that evaluate beside it
        return len([*NOTES.glob("imported-*")]) < processes and not (NOTES / "hurry").exists()

    def diagnostics(self, x):
        beside = not (NOTES / f"trained-{os.getpid()}").exists()
        if beside and not (NOTES / "died").exists():
            (NOTES / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        (NOTES / f"evaluated-{'beside' if beside else 'inline'}-{self.steps:.0f}").touch()
        return {"seen": self.steps}

METHODS = {"noting": Noting}
"""


def descendants(process: int) -> set[int]:
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {process}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def await_row_beside(notes: Path, out: Path, run) -> None:
    """Wait until the row of an evaluation beside the trial is stored."""
    deadline = time.monotonic() + SECONDS
    stored = set()
    while not stored & (evaluated(notes, "beside") - evaluated(notes, "inline")):  # those that were late are repeated
        assert run.process.poll() is None, run.finish()[1]
        assert time.monotonic() < deadline, sorted(path.name for path in notes.iterdir())
        time.sleep(0.1)
        if evaluated(notes, "beside"):
            with suppress(Damaged, OSError):  # read while being replaced
                stored = set(trial_of(out, "noting").rows()["step"])


def evaluated(notes: Path, where: str) -> set[int]:
    """The steps that were evaluated there."""
    return {int(path.name.rpartition("-")[2]) for path in notes.glob(f"evaluated-{where}-*")}


@pytest.fixture
def notes(tmp_path, monkeypatch):
    """The folder in which the processes of a run leave notes."""
    folder = tmp_path / "notes"
    folder.mkdir()
    monkeypatch.setenv("NOTES", str(folder))
    return folder


@pytest.mark.slow
@pytest.mark.timeout(3 * SECONDS)
@pytest.mark.skipif(allowance().cpus < 2, reason="a processor must be idle")
def test_rows_equal_those_of_the_serial_executor_after_a_kill_an_interruption_and_a_resume(
    start_run, tmp_path, notes, monkeypatch
):
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN)
    command = ["--plugin", str(plugin), "--methods", "noting", "--seeds", "1"]
    command += sets(evaluation__evaluations="20", training__epochs="16")
    run = start_run(*command, "--evaluate-beside", "on")
    await_row_beside(notes, tmp_path / "out", run)
    assert (notes / "died").exists()
    assert trial_of(tmp_path / "out", "noting").environment().evaluated_beside
    processes = descendants(run.process.pid)
    run.send(signal.SIGINT)
    code, output = run.finish(SECONDS)
    assert code == 130, output
    deadline = time.monotonic() + SECONDS
    while (alive := {process for process in processes if is_alive(process)}) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not alive
    (notes / "hurry").touch()
    code, output = start_run(*command, "--evaluate-beside", "on").finish(SECONDS)
    assert code == 0, output
    assert "resumes from step" in output
    others = tmp_path / "others"
    others.mkdir()
    (others / "hurry").touch()
    monkeypatch.setenv("NOTES", str(others))
    code, output = start_run(*command, "--executor", "serial", out="serial").finish(SECONDS)
    assert code == 0, output
    assert not trial_of(tmp_path / "serial", "noting").environment().evaluated_beside
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), rows_of(tmp_path / "serial"), check_exact=True)
