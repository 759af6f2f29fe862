"""From the command to the figure: three methods, three seeds, MNIST, distances at five points; here and with pythae.

    pip install -e ".[peers]"
    python benchmarks/end_to_end.py [--data-root data] [--train-images 10000] [--epochs 2] [--seeds 3] [--rounds 3]

One run is `python -m bench.run`, which ends with its report: intervals, tests, all metrics, grids. The other is
benchmarks/by_pythae.py: the same images, networks, batch, numbers of generated images, classifier's features and
points of evaluation, and one figure. Each is a process of its own, from start to end, in turns; a ratio is of one
round. What both need once is made before: decoded images, and the classifier.

Ratios of wall times depend on what else the machine does. So do CPU seconds of pythae's two threads, which spin while
they wait for each other. On a busy machine compare CPU seconds with `--one-thread`: that is the work, as if pythae
could share it between cores without loss. Ray's workers are not made nicer than pythae (RAY_worker_niceness=0), or a
busy machine would starve them.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from common import AS_NICE, Seconds, spread, timed

METHODS, SEEDS, POINTS, SAMPLES = ("mmd", "gan", "vae"), 3, 5, 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, default=Path("data"))
    parser.add_argument("--prepared", type=Path)
    parser.add_argument("--train-images", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one-thread", action="store_true", help="of torch in each process, also in pythae's")
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
    rounds: list[dict[str, Seconds]] = []
    environment = AS_NICE | ({"OMP_NUM_THREADS": "1"} if asked.one_thread else {})
    print(f"{asked.train_images:,} images, {asked.epochs} epochs, {trials} trials, {asked.rounds} rounds", flush=True)
    for turn in range(asked.rounds):
        budget = [f"--set=training.epochs={asked.epochs}", f"--set=training.train_images={asked.train_images}"]
        calls = {
            "here": here(folder / f"here{turn}", asked, ",".join(METHODS), [*budget, "--seeds", str(asked.seeds)]),
            "pythae": there(folder / f"pythae{turn}", extractor, asked),
        }
        rounds.append({})
        for name in calls if turn % 2 == 0 else reversed(calls):
            wall, cpu = rounds[-1][name] = timed(calls[name], environment)
            a_trial = f"{wall / trials:.1f} and {cpu / trials:.1f} s a trial"
            print(f"{name}: {wall:.1f} s, {cpu:.1f} s of CPU; {a_trial}", flush=True)
    print(
        f"pythae over here, time: {spread([each['pythae'].wall / each['here'].wall for each in rounds], 2)} (goal: 2)"
    )
    print(f"pythae over here, CPU time: {spread([each['pythae'].cpu / each['here'].cpu for each in rounds], 2)}")


def here(out: Path, asked: argparse.Namespace, methods: str, options: list[str]) -> list[str]:
    counts = {"evaluations": POINTS, "samples": SAMPLES, "final_samples": SAMPLES, "reconstructions": SAMPLES}
    settings = counts | {"extractor_steps": 800}
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


if __name__ == "__main__":
    main()
