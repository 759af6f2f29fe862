"""The defaults that a search suggests: one point a method, the best over all priors that it was searched under.

    python benchmarks/defaults.py results/defaults_digits

Of a method with several priors it is the point with the lowest geometric mean of the scores: names are searched
at the same places under each. Beside them, the defaults as they are, and how much worse than the best point the
suggestion is under each prior.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import pandas as pd

from bench.analysis import search
from bench.store.folders import ExperimentFolder
from methods import METHODS
from methods.hyperparameters import schema


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", type=Path)
    results = search.results(ExperimentFolder(parser.parse_args().experiment / search.FOLDER))
    for method, mine in results.groupby("method", sort=False):
        scores = search.scores(mine).pivot(index="point", columns="variant", values="score")
        point = int(np.log(scores).mean(axis=1).idxmin())
        print(f"{method}: point {point} of {len(scores)}: {values(mine, point)}")
        print(f"    now: {defaults(str(method))}")
        for variant, column in scores.items():
            ended = column[column < math.inf]
            print(f"    {variant}: {column[point]:.3g}, best {ended.min():.3g} (point {ended.idxmin()})")


def values(results: pd.DataFrame, point: int) -> str:
    chosen = results[results["point"] == point].iloc[0]
    names = sorted({name for variant in results["variant"].unique() for name in search.varied(results, variant)})
    return ", ".join(f"{name}={chosen[name]:g}" for name in names)


def defaults(method: str) -> str:
    known = schema(METHODS[method])
    return ", ".join(f"{name}={known[name].default:g}" for name in METHODS[method].search_space)


if __name__ == "__main__":
    main()
