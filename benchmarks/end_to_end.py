"""From the command to the figure: three methods, three seeds, MNIST, distances at five points; here and with pythae.

    pip install -e ".[peers]"
    python benchmarks/end_to_end.py [--data-root data] [--train-images N] [--epochs 2] [--rounds 3]

One run is `python -m bench.run`, which ends with its report: intervals, tests, all metrics, grids. The other is
benchmarks/by_pythae.py: the same images, networks, batch, numbers of generated images, classifier's features and
points of evaluation, and one figure. Each is a process of its own, from start to end, in turns; a ratio is of one
round. What both need once is made before: decoded images, and the classifier.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import spread

METHODS, SEEDS, POINTS, SAMPLES = ("mmd", "gan", "vae"), 3, 5, 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, default=Path("data"))
    parser.add_argument("--prepared", type=Path)
    parser.add_argument("--train-images", type=int, default=55_000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        extractor = prepare(Path(folder), asked)
        compare(Path(folder), extractor, asked)


def prepare(folder: Path, asked: argparse.Namespace) -> Path:
    """Decode the images and train the classifier; returns its file."""
    out = folder / "first"
    small = ["--set", "training.epochs=1", "--set", "training.train_images=100", "--seeds", "1", "--executor", "serial"]
    timed(here(out, asked, "autoencoder", small))
    return out / "extractor" / "extractor.pt"


def compare(folder: Path, extractor: Path, asked: argparse.Namespace) -> None:
    trials = len(METHODS) * asked.seeds
    ratios = []
    for turn in range(asked.rounds):
        budget = [f"--set=training.epochs={asked.epochs}", f"--set=training.train_images={asked.train_images}"]
        calls = {
            "here": here(folder / f"here{turn}", asked, ",".join(METHODS), [*budget, "--seeds", str(asked.seeds)]),
            "pythae": there(folder / f"pythae{turn}", extractor, asked),
        }
        times = {name: timed(calls[name]) for name in (calls if turn % 2 == 0 else reversed(calls))}
        for name in calls:
            print(f"{name}: {times[name]:.1f} s, {times[name] / trials:.1f} s a method and seed", flush=True)
        ratios.append(times["pythae"] / times["here"])
    print(f"{asked.train_images:,} images, {asked.epochs} epochs, {trials} trials, {asked.rounds} rounds")
    print(f"pythae over here: {spread(ratios, 2)} (goal: 2)")


def here(out: Path, asked: argparse.Namespace, methods: str, options: list[str]) -> list[str]:
    settings = {"evaluations": POINTS, "samples": SAMPLES, "final_samples": SAMPLES, "extractor_steps": 800}
    chosen = [f"--set=evaluation.{key}={value}" for key, value in settings.items()]
    places = ["--data-root", str(asked.data_root), "--out", str(out)]
    places += ["--prepared", str(asked.prepared)] if asked.prepared else []
    return [sys.executable, "-m", "bench.run", "--dataset", "mnist", "--methods", methods, *places, *chosen, *options]


def there(out: Path, extractor: Path, asked: argparse.Namespace) -> list[str]:
    script = Path(__file__).with_name("by_pythae.py")
    budget = ["--train-images", str(asked.train_images), "--epochs", str(asked.epochs), "--seeds", str(asked.seeds)]
    return [
        sys.executable,
        str(script),
        str(asked.data_root),
        str(extractor),
        str(out),
        *budget,
        "--samples",
        str(SAMPLES),
    ]


def timed(command: list[str]) -> float:
    """Seconds of a command."""
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
