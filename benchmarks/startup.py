"""What is waited for beside training: the first step, the same command again, and reports.

    python benchmarks/startup.py [--rounds 3] [--trials 100 2000]

- The first step of `bench.run` on digits under Ray, with images and classifier prepared: until the first trial's
  status.json names the step from which it starts. Seconds of CPU are given for each process that has used some.
- The study of `make bench` a second time: nothing is left to train. Its trainings are cut to one epoch.
- `bench.report` of many trials: 20 variants; copies of one small trial of each, with other seeds and distances.

Seconds are wall seconds and CPU seconds of all processes; only the latter do not depend on what else the machine does.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from common import AS_NICE, Seconds, spread, timed, tree

from bench.experiment.specification import Trial
from bench.store.documents import Ending
from bench.store.folders import ExperimentFolder
from bench.store.states import State
from bench.store.trial_folder import Row, TrialFolder

VARIANTS = 20  # of a report
QUICK = ["--set", "evaluation.extractor_steps=50", "--set", "evaluation.samples=200"]
ONE_EPOCH = ["--set", "training.epochs=1"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, nargs="*", default=[100, 2000], help="of reports")
    parser.add_argument(
        "--parts", nargs="+", choices=("first", "again", "report"), default=["first", "again", "report"]
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "first" in asked.parts:
            run(
                folder,
                "first",
                "--methods",
                "autoencoder",
                "--seeds",
                "1",
                "--executor",
                "serial",
                "--set",
                "training.epochs=1",
            )  # prepares
            show("first step of bench.run", 8, lambda turn: first_step(folder, turn), asked.rounds)
        if "again" in asked.parts:
            again = ("again", "--config", "configs/studies/digits.yaml", *ONE_EPOCH)
            run(folder, *again, "--executor", "serial")
            show("the study of make bench again", 6, lambda _: run(folder, *again), asked.rounds)
        for trials in asked.trials if "report" in asked.parts else ():
            report(folder, trials, asked.rounds)


def report(folder: Path, trials: int, rounds: int) -> None:
    command = [sys.executable, "-m", "bench.report", str(copy(folder, trials))]
    show(f"bench.report of {trials:,} trials", 5 if trials <= 100 else 20, lambda _: timed(command), rounds)


def show(what: str, target: float, measure: Callable[[int], Seconds], rounds: int) -> None:
    found = [measure(turn) for turn in range(rounds)]
    wall, cpu = (spread([each[part] for each in found], 1) for part in (0, 1))
    print(f"{what}: {wall} s, {cpu} s of CPU; target {target} s", flush=True)


def command(folder: Path, out: str, *options: str) -> list[str]:
    places = ["--data-root", str(folder / "data"), "--out", str(folder / out), "--yes"]
    return [sys.executable, "-m", "bench.run", "--dataset", "digits", *places, *options]


def run(folder: Path, out: str, *options: str) -> Seconds:
    return timed(command(folder, out, *options), AS_NICE)


def first_step(folder: Path, turn: int) -> Seconds:
    """From the command to its first step. The run is then interrupted."""
    out = f"step{turn}"
    options = ["--methods", "mmd,vae", "--seeds", "2", *QUICK, "--set", "training.epochs=1000"]
    started = time.perf_counter()
    with subprocess.Popen(
        command(folder, out, *options),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | AS_NICE,
    ) as process:
        while not any(map(has_begun, (folder / out).glob("trials/*/status.json"))):
            if process.poll() is not None:
                raise SystemExit("the run ended before its first step")
            time.sleep(0.05)
        found = Seconds(time.perf_counter() - started, sum(tree(process.pid).values()))
        print(f"  {found.wall:.1f} s, CPU: {', '.join(by_process(process.pid))}", flush=True)
        os.kill(process.pid, signal.SIGINT)
    return found


def has_begun(status: Path) -> bool:
    attempts = json.loads(status.read_text(encoding="utf-8")).get("attempts", [])
    return any(attempt["from_step"] is not None for attempt in attempts)


def by_process(root: int) -> list[str]:
    used = sorted(((seconds, pid) for pid, seconds in tree(root).items() if seconds >= 0.2), reverse=True)
    return [f"{name_of(pid)} {seconds:.1f}" for seconds, pid in used]


def name_of(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    files = [Path(word).name for word in words if word.endswith((".py", "raylet", "gcs_server"))]
    return next((word for word in words if word.startswith("ray::")), files[0] if files else "bench.run")


def copy(folder: Path, trials: int) -> Path:
    """An experiment with so many trials, made of one small trial of each variant."""
    source, out = folder / "source", folder / f"copies{trials}"
    weights = "|".join(str(1 + i) for i in range(VARIANTS))
    small = {"training.epochs": 1, "training.train_images": 200, "training.batch_size": 20, "network.width": 4}
    small |= {"evaluation.evaluations": 4, "evaluation.samples": 64, "evaluation.final_samples": "null"}
    small |= {"evaluation.extractor_steps": 50}
    sets = [part for key, value in small.items() for part in ("--set", f"{key}={value}")]
    run(folder, source.name, "--methods", f"mmd[weight={weights}]", "--seeds", "1", "--executor", "serial", *sets)
    experiment, target = ExperimentFolder(source), ExperimentFolder(out)
    target.write("experiment.yaml", experiment.read("experiment.yaml"))
    for trial in experiment.trials():
        for seed in range(trials // VARIANTS):
            copy_trial(trial, target, seed)
    return out


def copy_trial(origin: TrialFolder, target: ExperimentFolder, seed: int) -> None:
    trial, environment = origin.trial(), origin.environment()
    assert environment
    twin = Trial.plan(trial.spec.model_copy(update={"seed": seed}), trial.label, trial.source)
    folder = target.trial(twin.name)
    token = folder.claim(twin, environment)
    rows = origin.rows()
    distances = rows.columns[rows.columns.str.startswith("fd_")]
    rows = rows.assign(**{name: rows[name] * (1 + 0.01 * (seed * 37 % 100)) for name in distances})
    pictures = {path.name: path.read_bytes() for path in (origin.path / "samples").glob("*.png")}
    folder.save(token, b"none", cast("list[Row]", rows.to_dict("records")), pictures)  # reports read no checkpoint
    folder.end(twin, Ending(State.done), token)


if __name__ == "__main__":
    main()
