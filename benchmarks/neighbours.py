"""Are the searched defaults better than their neighbours, on fresh seeds? The study's file, and its table.

    python benchmarks/neighbours.py mnist > configs/studies/neighbours_mnist.yaml
    python -m bench.run --config configs/studies/neighbours_mnist.yaml
    python benchmarks/neighbours.py results/neighbours_mnist

A search draws points at random, so the best one may lie beside a better value, or have won by luck. Each default of
configs/datasets/NAME.yaml is compared with its neighbours: a third and three times its weight (or beta), half and twice
its learning rate. The table has the distance of each, and in brackets the default's over it with Welch's 95% interval:
below 1 where the default is better. Its last column names the neighbours that refute a default: it is worse by more
than 15%, or significantly worse (permutation test, p <= 0.05, not adjusted).
"""

import argparse
from pathlib import Path

import numpy as np
from common import markdown

from bench.analysis import claims
from bench.experiment.configuration import resolve
from bench.experiment.labels import settings
from bench.reporting import merge
from bench.reporting.group import Group
from bench.store.folders import ExperimentFolder

FACTORS = {"weight": 3.0, "beta": 3.0, "learning_rate": 2.0}
WORSE = 1.15  # the most that a default may be worse than a point that is known
LEVEL = 0.05
SEEDS = 4  # with fewer, a permutation test cannot reach the level
BUDGETS = {  # that of the search on each data set
    "digits": ["evaluation: {evaluations: 4, samples: 1000, final_samples: null, extractor_steps: 600}"],
    "mnist": [
        "network: {width: 16}",
        "training: {epochs: 12, train_images: 5000}",
        "evaluation: {evaluations: 4, samples: 5000, final_samples: null, extractor_steps: 800}",
    ],
    "cifar10": [
        "network: {name: resnet32_small, width: 32}",
        "training: {epochs: 4, train_images: 10000}",
        "evaluation:",
        "  {evaluations: 4, samples: 5000, final_samples: null, extractor: classifier, extractor_steps: 1000}",
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subject", help="a data set with a search, or the folder of a finished study")
    subject = parser.parse_args().subject
    if Path(subject).is_dir():
        print(table(merge.load_one(ExperimentFolder.open(Path(subject)))))
    else:
        print("\n".join(study(subject)))


def study(dataset: str) -> list[str]:
    """Return the lines of a study of every searched default of a data set and its neighbours."""
    lines = [f"  - {label}" for label in neighbourhood(dataset)]
    return [
        f"# The defaults of {dataset} and their neighbours, on fresh seeds, with the budget of their search.",
        "# benchmarks/neighbours.py makes this file, and reads the results.",
        f"dataset: {dataset}",
        f"seeds: {SEEDS}",
        *BUDGETS[dataset],
        "methods:",
        *lines,
    ]


def neighbourhood(dataset: str) -> list[str]:
    """Return every searched default and its neighbours, as `--methods` takes them."""
    labels = []
    for label, values in resolve({"dataset": dataset}).defaults.items():
        labels.append(label)
        for name, factor in FACTORS.items():
            if name in values:
                texts = (f"{values[name] * by:.3g}" for by in (1 / factor, factor))
                labels.append(with_values(label, name, "|".join(texts)))
    return labels


def with_values(label: str, name: str, values: str) -> str:
    """Return the label with one more keyword: 'mmd[prior=sphere]' -> 'mmd[prior=sphere,weight=1|9]'."""
    return f"{label[:-1]},{name}={values}]" if label.endswith("]") else f"{label}[{name}={values}]"


def table(group: Group) -> str:
    """Return a row for each default."""
    values = group.values(str(group.headline))
    centres = {centre(label): label for label in values if not around(label)}
    rows = []
    for key, default in centres.items():
        others = [label for label in values if centre(label) == key and around(label)]
        cells = {label: claims.ratio(values[default], values[label]) for label in others}
        each = [f"{around(label)}: {mean(values[label]):.3g} ({shown(cells[label])})" for label in others]
        lower = [around(label) for label in others if refutes(cells[label])]
        rows.append([default, mean(values[default]), "<br>".join(each), ", ".join(lower) or "none"])
    return markdown(["default", "distance", "neighbours", "lower"], rows)


def centre(label: str) -> tuple[str, str | None]:
    """Return the method and the prior that a label names."""
    return label.partition("[")[0], settings(label).get("prior")


def around(label: str) -> str:
    """Return what a neighbour sets, as 'weight=0.1'; empty for a default."""
    return ", ".join(f"{name}={value}" for name, value in settings(label).items() if name != "prior")


def mean(values: claims.Values) -> float:
    return float(np.mean(values))


def shown(effect: claims.Effect) -> str:
    return f"{effect.value:.2f}, {effect.low:.2f} to {effect.high:.2f}"


def refutes(effect: claims.Effect) -> bool:
    return effect.value > WORSE or (effect.value > 1 and effect.p <= LEVEL)


if __name__ == "__main__":
    main()
