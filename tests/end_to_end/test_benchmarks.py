"""The benchmarks run: each in small. What they print in full stands in results/reference/benchmarks/."""

import subprocess
import sys

import pytest
from project import ROOT

TINY = ["--set", "training.epochs=2", "--methods", "mmd,gan", "--seeds", "2", "--executor", "serial"]
RUNS = {
    "peers": (
        ["--networks", "resnet32_small", "--rounds", "1", "--steps", "1", "--batch", "20"],
        "reconstruction errors",
    ),
    "gpu": (
        ["--device", "cpu", "--network", "small", "--precision", "fp32", "--steps", "6", "--share"],
        "times one",
    ),
    "costs": (["--seconds", "0.01", "--methods", "moco", "mmd", "--axes", "queue", "images"], "an epoch's order"),
    "preparation": (["--images", "300", "--trials", "2"], "opening"),
    "overhead": (["--rounds", "1", "--", *TINY], "of the slots' time"),
    "precision": (
        ["--dataset", "digits", "--seeds", "2", "--images", "200", "--epochs", "1", "--executor", "serial"],
        "bf16 - fp32",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_benchmark_runs(name):
    arguments, expected = RUNS[name]
    command = [sys.executable, f"benchmarks/{name}.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert expected in done.stdout


def test_every_benchmark_says_how_it_is_run():
    for path in {*(ROOT / "benchmarks").glob("*.py")} - {ROOT / "benchmarks" / "common.py"}:
        assert f"python benchmarks/{path.name}" in path.read_text().split('"""')[1]
