"""Whether bf16 inside the networks costs quality: the same trainings in float32 and in bf16, seed by seed.

    python benchmarks/precision.py [--dataset mnist] [--data-root data] [--methods moco mmd] [--seeds 5]
                                   [--images 10000] [--epochs 2] [--network NAME] [--width N]

Prints, for each method, the headline distance and the reconstruction error in both, and the mean difference bf16 - fp32
over the seeds with its 95% interval (paired, Student's). Any processor gives the same kind of rounding; only one with
bf16 arithmetic is fast at it.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

PRECISIONS = ("fp32", "bf16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--data-root", default="data")
    parser.add_argument("--methods", nargs="+", default=["moco", "mmd"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--images", type=int, default=10_000, help="training images")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--network", help="default: the data set's")
    parser.add_argument("--width", type=int, help="of it; default: the data set's")
    parser.add_argument("--executor", default="ray", choices=("ray", "serial"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {precision: trained(precision, asked, folder) for precision in PRECISIONS}
    for method in asked.methods:
        for column in ("score", "reconstruction_test"):
            compare(method, column, found)


def trained(precision: str, asked: argparse.Namespace, folder: Path) -> pd.DataFrame:
    """The last row of the curve of every trial, with its headline distance as `score`."""
    from bench.analysis.across_seeds import distances
    from bench.store.folders import ExperimentFolder

    settings = {"precision": precision, "epochs": asked.epochs, "train_images": asked.images}
    sets = [part for key, value in settings.items() for part in ("--set", f"training.{key}={value}")]
    sets += ["--set", "evaluation.evaluations=1", "--set", "evaluation.final_samples=null"]
    sets += ["--set", f"network.name={asked.network}"] if asked.network else []
    sets += ["--set", f"network.width={asked.width}"] if asked.width else []
    where = ["--data-root", asked.data_root, "--prepared", str(folder / "prepared"), "--out", str(folder / precision)]
    run = ["--dataset", asked.dataset, "--methods", ",".join(asked.methods), "--seeds", str(asked.seeds)]
    command = [sys.executable, "-m", "bench.run", *run, *where, *sets, "--executor", asked.executor]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    rows = []
    for trial in ExperimentFolder(folder / precision).trials():
        spec, last = trial.trial().spec, trial.rows().iloc[-1]
        headline = distances(trial.rows())[0]
        rows.append(
            {"method": spec.method, "seed": spec.seed, "score": last[headline], **last[["reconstruction_test"]]}
        )
    return pd.DataFrame(rows).set_index(["method", "seed"]).sort_index()


def compare(method: str, column: str, found: dict[str, pd.DataFrame]) -> None:
    values = {precision: table.loc[method, column].to_numpy(float) for precision, table in found.items()}
    difference = values["bf16"] - values["fp32"]
    half = stats.t.ppf(0.975, len(difference) - 1) * stats.sem(difference)
    low, high = difference.mean() - half, difference.mean() + half
    said = ", ".join(f"{p} {v.mean():.3f} (sd {np.std(v, ddof=1):.3f})" for p, v in values.items())
    print(f"{method} {column}: {said}; bf16 - fp32 {difference.mean():+.3f} ({low:+.3f} to {high:+.3f})", flush=True)


if __name__ == "__main__":
    main()
