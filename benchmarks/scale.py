"""What the harness itself costs with many trials: planning, running, resuming and reporting trivial ones.

    python benchmarks/scale.py [--executor serial] [--trials 250 500 1000 2000]

A trial takes one step on 100 digits and one small evaluation. Each number of trials is an experiment of its own in a
temporary folder: `run` is the whole command, of which `a trial` is the slope against the number of trials; `again` is
the same command with nothing left to train, and `plan`, `report` are its parts, measured in this process; `driver` and
`at start` are the resident memory of the driver at the end and when the first trial had ended.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

VARIANTS = 20
TRIVIAL = {
    "training.epochs": 1,
    "training.train_images": 100,
    "evaluation.evaluations": 1,
    "evaluation.samples": 64,
    "evaluation.final_samples": "null",
    "evaluation.extractor_steps": 10,
    "network.width": 4,
    "network.latent_dim": 2,
}


def command(folder: Path, trials: int, executor: str) -> list[str]:
    """bench.run with so many trials: 20 variants, and as many seeds as it takes."""
    weights = "|".join(str(1 + i) for i in range(VARIANTS))
    sets = [part for key, value in TRIVIAL.items() for part in ("--set", f"{key}={value}")]
    asked = ["--methods", f"mmd[weight={weights}]", "--seeds", str(trials // VARIANTS), "--executor", executor, "--yes"]
    return [*asked, "--out", str(folder / f"{trials}"), "--data-root", str(folder / "data"), *sets]


def resident(pid: int) -> float:
    """MB of a process's memory."""
    try:
        return int(re.findall(r"VmRSS:\s*(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))[0]) / 1e3
    except (OSError, IndexError):
        return 0.0


def watched(arguments: list[str], folder: Path) -> tuple[float, float, float]:
    """Seconds of a run, and the driver's memory in MB when the first trial had ended and at most after that."""
    started, first, most = time.perf_counter(), 0.0, 0.0
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen([sys.executable, "-m", "bench.run", *arguments], stdout=log, stderr=log)
        while process.poll() is None:
            time.sleep(0.5)
            ended = ": done" in (folder / "log").read_text(encoding="utf-8")
            now = resident(process.pid)
            first = first or (now if ended else 0.0)
            most = max(most, now if ended else 0.0)
    if process.returncode:
        raise SystemExit((folder / "log").read_text(encoding="utf-8")[-2000:])
    return time.perf_counter() - started, first, most


def parts(folder: Path) -> tuple[float, float]:
    """Seconds to find out what is to be done about every trial, and to report."""
    from bench.analysis import frames
    from bench.reporting import build
    from bench.store.folders import ExperimentFolder

    experiment = ExperimentFolder(folder)
    started = time.perf_counter()
    assert (frames.trials(experiment)["state"] == "done").all()
    for trial in experiment.trials():
        assert not trial.rows_damaged()
    planned = time.perf_counter() - started
    started = time.perf_counter()
    with redirect_stdout(StringIO()):
        build.build(experiment)
    return planned, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executor", choices=("serial", "ray"), default="ray")
    parser.add_argument("--trials", type=int, nargs="+", default=[260, 500, 1000, 2000])
    asked = parser.parse_args()
    print(f"{'trials':>7} {'run s':>7} {'a trial s':>10} {'again s':>8} {'plan s':>7} {'report s':>9}", end="")
    print(f" {'at start MB':>12} {'driver MB':>10} {'kB a trial':>11}", flush=True)
    before = (0, 0.0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for trials in asked.trials:
            arguments = command(folder, trials, asked.executor)
            seconds, first, most = watched(arguments, folder)
            again, _, _ = watched(arguments, folder)
            planned, reported = parts(folder / f"{trials}")
            slope = (seconds - before[1]) / (trials - before[0])
            before = (trials, seconds)
            print(f"{trials:7} {seconds:7.1f} {slope:10.3f} {again:8.1f} {planned:7.2f} {reported:9.1f}", end="")
            print(f" {first:12.0f} {most:10.0f} {(most - first) * 1e3 / trials:11.1f}", flush=True)


if __name__ == "__main__":
    main()
