"""The benchmarks run: each in small. What they print in full stands in results/reference/benchmarks/."""

import subprocess
import sys

import pytest
from project import ROOT, benchmark

from docs_build import claims

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
    "seeds_together": (
        ["--rounds", "1", "--seconds", "0.01", "--threads", "1", "--seeds", "2", "--methods", "autoencoder"],
        "separate over together",
    ),
    "inception_paths": (["--rounds", "1", "--paths", "eager"], "eager: 1.00 (1.00 to 1.00) times"),
    "evaluation_beside": (
        ["--rounds", "1", "--dataset", "digits", "--train-images", "200", "--epochs", "1", "--samples", "64"],
        "inline over beside, whole trial",
    ),
    "startup": (["--rounds", "1", "--parts", "report", "--trials", "20"], "bench.report of 20 trials"),
}


def test_the_table_of_waiting_is_printed():
    assert "| mnist | 1 |" in benchmark("waiting", "--epochs", 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_benchmark_runs(name):
    arguments, expected = RUNS[name]
    command = [sys.executable, f"benchmarks/{name}.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert expected in done.stdout


def test_tables_are_made_of_a_search_also_of_one_that_was_kept(bench_run, tmp_path):
    """A kept search has no checkpoints and names no folder, and a run continues it instead of training it again."""
    options = ["--methods", "moco,mmd", "--seeds", "2", "--tune", "2", "--set", "search.final_seeds=0"]
    assert bench_run(*options).exit_code == 0
    out = tmp_path / "out"
    table = benchmark("defaults", out)
    assert "| mmd | " in table
    assert "| than | digits (out) |" in claims.tables([out / "report"])
    assert "ratio of areas" in benchmark("scale_of_codes", out, out)
    archive = tmp_path / "search.tar.xz"
    assert "8 trials" in benchmark("keep", "pack", out / "search", archive)
    assert "8 trials" in benchmark("keep", "unpack", archive, tmp_path / "kept" / "search")
    assert benchmark("defaults", tmp_path / "kept") == table
    files = [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    assert not [path for path in files if path.name.startswith("checkpoint")]
    assert not [path for path in files if str(tmp_path).encode() in path.read_bytes()]
    again = bench_run(*options, out="kept")
    assert again.exit_code == 0
    assert "8 trials, 0 to train" in again.output


def test_searches_of_one_data_set_are_put_together(bench_run, tmp_path):
    options = ["--seeds", "1", "--tune", "1", "--set", "search.seeds=1", "--set", "search.final_seeds=0"]
    for method in ("moco", "vae"):
        assert bench_run("--methods", method, *options, out=method).exit_code == 0
    table = benchmark("defaults", tmp_path / "moco", tmp_path / "vae")
    assert "| moco | " in table
    assert "| vae | " in table


def test_every_benchmark_says_how_it_is_run():
    for path in {*(ROOT / "benchmarks").glob("*.py")} - {ROOT / "benchmarks" / "common.py"}:
        assert f"python benchmarks/{path.name}" in path.read_text().split('"""')[1]
