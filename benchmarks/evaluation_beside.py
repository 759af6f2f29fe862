"""How much sooner a trial ends whose evaluations run beside it, where a processor is idle.

    python benchmarks/evaluation_beside.py [--rounds 3] [--dataset mnist] [--data-root data] [--train-images 20000]
        [--epochs 3] [--evaluations 10] [--samples 2000]

One trial of mmd, with one thread, is trained with `--evaluate-beside off` and `on`, in turns; a ratio is of one
round. A trial's seconds are those from its claim to its end, without the start of Ray. Its seconds of training tell how
much the evaluating process slows it. The process has to start during the trial, so short trials gain less. Rows must
be equal to the bit.

On a busy machine no processor is idle, whatever Ray says, and the two trials of a round differ by what else ran. What
can be compared then is each trial's seconds over the sum of its own training and evaluation, which were slowed alike.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from common import AS_NICE, spread, timed

from bench.metrics.columns import TIMINGS
from bench.runtime.allowance import allowance

if TYPE_CHECKING:
    import pandas as pd


class Trained(NamedTuple):
    """A trial: seconds from claim to end, of its training, and of its evaluations; its rows; what ran beside it."""

    whole: float
    training: float
    evaluation: float
    rows: "pd.DataFrame"
    beside: bool

    @property
    def over_work(self) -> float:
        """Seconds from claim to end over those of training and evaluation: below 1 if they overlap."""
        return self.whole / (self.training + self.evaluation)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--data-root", type=Path, default=Path("data"))
    parser.add_argument("--train-images", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--evaluations", type=int, default=10)
    parser.add_argument("--samples", type=int, default=2000, help="generated images of an evaluation")
    asked = parser.parse_args()
    images = f"{asked.train_images:,} images of {asked.dataset}, {asked.epochs} epochs"
    samples = f"{asked.evaluations} evaluations of {asked.samples:,} images"
    print(f"{allowance().cpus} CPUs, {images}, {samples}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        command = ["--methods", "mmd", "--seeds", "1", "--dataset", asked.dataset, "--data-root", str(asked.data_root)]
        command += ["--prepared", f"{name}/prepared", f"--set=evaluation.samples={asked.samples}"]
        command += [f"--set=evaluation.final_samples={asked.samples}"]
        # Once: decode the images, train the classifier, and measure real images.
        train(Path(name) / "first", [*command, *budget(1, 100, 1)], "off")
        command += budget(asked.epochs, asked.train_images, asked.evaluations)
        command += ["--extractor", f"{name}/first/extractor/extractor.pt"]
        compare(Path(name), command, asked.rounds)


def budget(epochs: int, images: int, evaluations: int) -> list[str]:
    settings = {"training.epochs": epochs, "training.train_images": images, "evaluation.evaluations": evaluations}
    return [f"--set={key}={value}" for key, value in settings.items()]


def compare(folder: Path, command: list[str], rounds: int) -> None:
    ratios: dict[str, list[float]] = {"whole": [], "over_work": [], "training": []}
    for turn in range(rounds):
        order = ("off", "on") if turn % 2 == 0 else ("on", "off")
        trials = {mode: train(folder / f"{mode}{turn}", command, mode) for mode in order}
        inline, beside = trials["off"], trials["on"]
        assert inline.rows.equals(beside.rows), "rows differ"
        for name, values in ratios.items():
            values.append(getattr(inline, name) / getattr(beside, name))
        texts = [
            f"{mode}: {trial.whole:.1f} s, training {trial.training:.1f}, evaluation {trial.evaluation:.1f}, "
            f"the first over the others {trial.over_work:.2f}"
            for mode, trial in trials.items()
        ]
        used = "" if beside.beside else " (none ran beside)"
        print(f"round {turn + 1}: {'; '.join(texts)}{used}; equal rows", flush=True)
    print(f"inline over beside, whole trial: {spread(ratios['whole'], 2)}")
    print(f"likewise, whole trial over its training and evaluation: {spread(ratios['over_work'], 2)}")
    print(f"inline over beside, seconds of training: {spread(ratios['training'], 2)}")


def train(out: Path, command: list[str], mode: str) -> Trained:
    import pandas as pd

    options = ["--evaluate-beside", mode, "--max-concurrent", "2", "--out", str(out)]
    timed([sys.executable, "-m", "bench.run", *command, *options], AS_NICE)
    (folder,) = (out / "trials").iterdir()
    rows = pd.read_parquet(folder / "history.parquet")
    environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    return Trained(
        (folder / "status.json").stat().st_mtime - (folder / "spec.json").stat().st_mtime,
        rows["train_seconds"].max(),
        rows["evaluation_seconds"].sum(),
        rows.drop(columns=[*TIMINGS]),
        environment["evaluated_beside"],
    )


if __name__ == "__main__":
    main()
