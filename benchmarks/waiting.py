"""How much is evaluated by default, and the minutes of a trial by the model that decides it: data set x epochs.

    python benchmarks/waiting.py [--epochs 1 5 20 100]

Nothing is timed: the model (bench/driver/proportion.py) has the costs of one core, and errs towards short trainings.
`bench.run --dry-run` times the parts of your command on your machine.
"""

import argparse

from common import markdown

from bench.data.preparation import expected_counts
from bench.driver import proportion
from bench.driver.resolution import resolve

DATASETS = ("digits", "mnist", "cifar10", "celeba")
OWN = {"train": 1040, "validation": 130, "test": 130}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, nargs="+", default=[1, 5, 20, 100])
    epochs = parser.parse_args().epochs
    headings = ["data set", "epochs", "training, min", "evaluation, min", "evaluations", "images", "at the end"]
    print(markdown(headings, [row(name, each) for name in (*DATASETS, "folder") for each in epochs]))


def row(name: str, epochs: int) -> list[object]:
    settings = {"dataset": name, "evaluation": {"extractor": "rotation"}}
    settings |= {"preprocessing": {"image_size": 64}} if name == "folder" else {}
    experiment = resolve(settings, None, [f"training.epochs={epochs}"]).experiment
    counts = expected_counts(name, None) or OWN
    evaluation = proportion.fit(experiment, counts, ())
    training, evaluating = proportion.seconds(experiment.model_copy(update={"evaluation": evaluation}), counts)
    numbers = [evaluation.evaluations, evaluation.samples, evaluation.final_samples]
    label = "folder, 1,300 images" if name == "folder" else name
    return [label, epochs, training / 60, evaluating / 60, *numbers]


if __name__ == "__main__":
    main()
