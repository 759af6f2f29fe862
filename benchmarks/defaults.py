"""The defaults that searches on several data sets suggest, their regret on each, and how weights transfer.

    python benchmarks/defaults.py results/defaults_digits results/defaults_mnist results/defaults_cifar10

Searches of the same data set are put together. Prints, as Markdown: the point of the lowest mean regret of each method
and prior; where it is more than 15% worse than the best point of a data set; the best weights in relative and absolute
units; what more points would gain. With --yaml: the best point of each method and prior on a data set, as the section
`defaults` of configs/datasets/NAME.yaml.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from common import markdown

from bench.analysis import frames, regret, search
from bench.store.folders import SEARCH, ExperimentFolder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", type=Path, nargs="+")
    parser.add_argument("--yaml", action="store_true")
    parser.add_argument("--seed", type=int, help="score points by this tuning seed alone, while others are unfinished")
    searches, units = {}, {}
    asked = parser.parse_args()
    for path in asked.experiments:
        folder = ExperimentFolder.open(path / SEARCH)
        dataset = folder.require_description().protocol.dataset.name
        results = search.results(folder)
        results = results if asked.seed is None else results[results["seed"] == asked.seed]
        searches[dataset] = pd.concat([searches[dataset], results]) if dataset in searches else results
        identity = folder.trials()[0].trial().spec.dataset
        units[dataset] = (identity and identity.weight_unit) or 1.0
    if asked.yaml:
        print("\n".join(line for results in searches.values() for line in yaml_section(results)))
    else:
        print("\n\n".join(sections(searches, units)))


def yaml_section(results: pd.DataFrame) -> list[str]:
    """The best points of one search, to four digits."""
    lines = ["defaults:"]
    for variant, point in search.best(results).items():
        chosen = regret.values(results, variant, point).items()
        values = {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in chosen}
        lines.append(f"  {variant}: {{{', '.join(f'{name}: {value}' for name, value in values.items())}}}")
    return lines


def sections(searches: regret.Searches, units: Mapping[str, float]) -> list[str]:
    """Return the tables as Markdown."""
    table = regret.regrets(searches)
    chosen = regret.defaults(table)
    exceptions = regret.exceptions(chosen, searches)
    first = next(iter(searches.values()))
    for dataset in searches:
        scores, worse = chosen[dataset], chosen[f"{dataset}_regret"]
        chosen[dataset] = [f"{score:.3g} ({excess:+.0%})" for score, excess in zip(scores, worse, strict=True)]
    chosen["values"] = [text(regret.values(first, r["variant"], r["point"])) for r in frames.records(chosen)]
    seeds = {d: f"{r.groupby(['variant', 'point'])['seed'].nunique().max()} seeds" for d, r in searches.items()}
    return [
        f"Points tried: {table.groupby('variant').size().to_dict()}. Most tuning seeds: {seeds}.",
        "Default: the point of the lowest mean regret. Validation distance (excess over the best point there):",
        table_of(chosen[["variant", "point", "values", *searches, "regret"]]),
        "More than 15% worse than the best point of a data set, with that point:",
        "\n".join(
            f"- {dataset}: {variant}: {text(regret.values(first, variant, search.best(searches[dataset])[variant]))}"
            for variant, dataset in exceptions
        )
        or "none",
        "Best weights (geometric mean over the best 3 points), and their greatest ratio between data sets:",
        table_of(regret.weights(searches, units)),
        "Expected excess of the best of k points over the best of all; a point that failed counts as the worst one:",
        table_of(excess_of_k(searches)),
    ]


def excess_of_k(searches: regret.Searches) -> pd.DataFrame:
    """`regret.gains`, in percent."""
    table = regret.gains(searches)
    counts = [column for column in table if str(column).isdigit()]
    return table.assign(**{k: [f"{v:.0%}" if v == v else "-" for v in table[k]] for k in counts})


def text(values: Mapping[str, object]) -> str:
    return ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()
    )


def table_of(frame: pd.DataFrame) -> str:
    return markdown(list(frame.columns), frame.itertuples(index=False))


if __name__ == "__main__":
    main()
