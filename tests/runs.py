"""Tiny runs: their settings, processes of their own, and comparisons of what they leave."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
from project import ROOT

from bench.analysis import frames
from bench.io.files import Damaged
from bench.metrics.columns import TIMINGS
from bench.store.folders import ExperimentFolder, TrialFolder

TINY = {
    "training.epochs": "2",
    "training.train_images": "200",
    "evaluation.samples": "64",
    "evaluation.final_samples": "96",
    "evaluation.evaluations": "3",
    "evaluation.extractor_steps": "20",
}


def sets(**changes: str) -> list[str]:
    """--set arguments of a tiny experiment, with `training__epochs="5"` for training.epochs=5."""
    merged = TINY | {key.replace("__", "."): value for key, value in changes.items()}
    return [part for key, value in merged.items() for part in ("--set", f"{key}={value}")]


def long_training(epochs: int = 60, evaluations: int = 6) -> list[str]:
    """20 steps an epoch; 60 epochs take about five seconds."""
    return sets(
        training__epochs=str(epochs),
        training__train_images="1000",
        evaluation__evaluations=str(evaluations),
        network__width="8",
    )


def rows_of(path) -> pd.DataFrame:
    """All rows, without the columns that may differ between runs (`TIMINGS`)."""
    return frames.rows(ExperimentFolder(path)).drop(columns=[*TIMINGS])


def comparable(rows: list[dict]) -> list[dict]:
    """Rows of a training, likewise."""
    return [{key: value for key, value in row.items() if key not in TIMINGS} for row in rows]


def trial_of(path: Path, method: str = "mmd") -> TrialFolder:
    """The trial of a method, found by the folder's name, because spec.json may be damaged."""
    return next(trial for trial in ExperimentFolder(path).trials() if trial.name.startswith(method))


def summary_table(path: Path) -> pd.DataFrame:
    """The report's table, without columns of times, CPUs and memory."""
    frame = pd.read_csv(path / "report" / "summary.csv")
    return frame[[c for c in frame if not any(word in c for word in ("second", "memory", "cpu_share"))]]


def assert_same_results(path: Path, whole: Path) -> None:
    """Rows and tables of two experiments are equal to the bit, and no trial has a row twice."""
    pd.testing.assert_frame_equal(rows_of(path), rows_of(whole), check_exact=True)
    pd.testing.assert_frame_equal(summary_table(path), summary_table(whole), check_exact=True)
    assert not rows_of(path).duplicated(["trial", "step", "n_generated"]).any()


class Process:
    """bench.run in a process of its own, killable at a chosen moment."""

    def __init__(self, out: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "bench.run", "--out", str(out), *arguments]
        self.out = out
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )

    def wait_for_step(self, step: int, seconds: float = 180) -> None:
        """Until some trial has a checkpoint at `step` or later."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"ended before step {step}: {self.finish()[1]}"
            for folder in ExperimentFolder(self.out).trials():
                try:
                    rows = folder.rows()
                except (Damaged, OSError):  # read while being replaced
                    continue
                if len(rows) and rows["step"].max() >= step:
                    return
            time.sleep(0.02)
        raise AssertionError(f"no checkpoint at step {step} within {seconds} s")

    def send(self, number: int) -> None:
        """Signal the whole process group, as a terminal does."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.process.wait()

    def finish(self, seconds: float = 300) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=seconds)
        return self.process.returncode, output


def interrupted_and_whole(start_run, tmp_path, number, *arguments, epochs=60):
    """Rows of a run that was ended by a signal between two checkpoints and repeated, and of one that was not."""
    command = ["--methods", "moco", "--seeds", "1", *arguments, *long_training(epochs)]
    first = start_run(*command)
    first.wait_for_step(100)
    time.sleep(0.1)
    first.send(number)
    code, output = first.finish()
    folder = ExperimentFolder(tmp_path / "out")
    assert folder.trials()[0].status().state == "running"
    kept = int(folder.trials()[0].rows()["step"].max())
    second_code, second_output = start_run(*command).finish()
    assert second_code == 0, second_output
    attempts = [attempt.from_step for attempt in folder.trials()[0].status().attempts]
    # Time may have passed for one more checkpoint between the look and the kill, never for a step back.
    assert attempts[0] == 0
    assert attempts[1] >= kept > 0
    assert f"resumes from step {attempts[1]}" in second_output
    assert start_run(*command, out="whole").finish()[0] == 0
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), rows_of(tmp_path / "whole"), check_exact=True)
    return code, output
