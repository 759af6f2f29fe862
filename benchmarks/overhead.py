"""What the harness costs beside training.

    python benchmarks/overhead.py [--rounds 5] [--config FILE] [-- OPTIONS OF BENCH.RUN]

- Commands that only look: seconds from their start to their end.
- The study that `make bench` runs, anew in a temporary folder: of the time that its trial slots had, from the first
  trial's start to the last one's end, how much went into training and into evaluation; and of a trial's own time, how
  much is evaluation.
- Starting a trial in a worker that has run one: from the driver's hearing of the last one's end to its hearing that the
  first step is next; and all that a trial does beside training and evaluation (starting, checkpoints, rows, grids).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from common import spread

from bench.runtime.allowance import allowance

LOOKING = {
    "bench.run --help": (["bench.run", "--help"], 1.5),
    "bench.info": (["bench.info"], 4.0),
    "bench.run --dry-run": (["bench.run", "--config", "configs/studies/digits.yaml", "--dry-run"], 4.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="of the commands that only look")
    parser.add_argument("--config", default="configs/studies/digits.yaml")
    parser.add_argument("options", nargs="*", help="further ones of bench.run, after --")
    asked = parser.parse_args()
    print(f"{allowance().cpus} CPUs, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        look(asked.rounds, folder)
        study(asked.config, asked.options, folder)


def look(rounds: int, folder: Path) -> None:
    for name, (command, target) in LOOKING.items():
        where = (
            ["--prepared", str(folder / "prepared"), "--out", str(folder / "looked")] if "--dry-run" in command else []
        )
        times = []
        for _ in range(rounds):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-m", *command, *where], capture_output=True, check=True)
            times.append(time.perf_counter() - started)
        print(f"{name}, s: {spread(times, 2)}; target {target}", flush=True)


def study(config: str, options: list[str], folder: Path) -> None:
    out = folder / "out"
    where = ["--out", str(out), "--prepared", str(folder / "prepared"), "--yes"]
    started = time.time()
    heard = run(["--config", config, *options, *where])
    whole = time.time() - started
    trials = [Trial(path, heard) for path in sorted((out / "trials").iterdir())]
    first, last = min(trial.began for trial in trials), max(trial.ended for trial in trials)
    slots = len({trial.worker for trial in trials})
    training, evaluation = (sum(getattr(trial, part) for trial in trials) for part in ("training", "evaluation"))
    share = (training + evaluation) / slots / (last - first)
    print(
        f"{config}: {len(trials)} trials in {slots} workers; {whole:.0f} s, of which {last - first:.0f} s have trials"
    )
    print(f"  training {training:.0f} s, evaluation {evaluation:.0f} s, {share:.0%} of the slots' time; target 85%")
    own = evaluation / (training + evaluation)
    shares = [trial.evaluation / (trial.evaluation + trial.training) for trial in trials]
    print(f"  evaluation takes {own:.0%} of the trials' time ({min(shares):.0%} to {max(shares):.0%}); target 25%")
    between(trials)


def run(arguments: list[str]) -> dict[tuple[str, str], float]:
    """bench.run, in this process; when the driver heard of each trial's Started and Ended."""
    from typer.testing import CliRunner

    from bench.driver import pipeline
    from bench.driver.progress import Progress
    from bench.run import app
    from bench.training.events import Event

    heard: dict[tuple[str, str], float] = {}

    class Heard(Progress):
        def __call__(self, trial: str, event: Event) -> None:
            heard[trial, type(event).__name__] = time.time()
            super().__call__(trial, event)

    pipeline.Progress = Heard  # pyright: ignore[reportPrivateImportUsage]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    if done.exit_code:
        raise SystemExit(done.output)
    return heard


class Trial:
    """When a trial began and ended, and what its rows say of it; seconds."""

    def __init__(self, folder: Path, heard: dict[tuple[str, str], float]) -> None:
        import pandas as pd

        rows = pd.read_parquet(folder / "history.parquet")
        attempt = json.loads((folder / "status.json").read_text(encoding="utf-8"))["attempts"][-1]
        self.began = (folder / "spec.json").stat().st_mtime
        self.ended = (folder / "status.json").stat().st_mtime
        self.worker = attempt["pid"]
        self.training = rows["train_seconds"].max()
        self.evaluation = rows["evaluation_seconds"].sum()
        id = folder.name.rpartition("-")[2]
        self.heard_start, self.heard_end = heard[id, "Started"], heard[id, "Ended"]


def between(trials: list[Trial]) -> None:
    """In one worker, from one trial's end to the next one's, without its training and evaluation."""
    starts, others = [], []
    for worker in {trial.worker for trial in trials}:
        mine = sorted((trial for trial in trials if trial.worker == worker), key=lambda trial: trial.began)
        for one, two in pairwise(mine):
            starts.append(two.heard_start - one.heard_end)
            others.append(two.ended - two.began - two.training - two.evaluation)
    if not starts:
        print("  no worker had two trials: nothing to be said of warm ones")
        return
    for what, seconds, target in (
        ("from one trial's end to the next one's first step", starts, "; target 0.3"),
        ("reading, building, saving", others, ""),
    ):
        print(f"  {what}, s of a trial in a warm worker: {spread(seconds, 2)}{target}")


if __name__ == "__main__":
    main()
