"""How a search chooses points: all in advance, or in rounds, each after the results of the rounds before it.

Optuna's samplers are asked and told here, by the driver, and not by Ray Tune: Tune tells results as they arrive, so
points would depend on which trial was faster. Here a round is told when all its trials have ended, in a fixed order. So
every executor tries the same points, and the same command continues an interrupted search with them.
"""

import importlib
import math
from collections.abc import Iterator
from typing import Any, Protocol

import pandas as pd

from bench.analysis import search
from bench.errors import UserError
from bench.experiment.labels import split_label
from bench.experiment.settings import Search
from bench.experiment.variants import Variant
from bench.io.files import sha256
from methods.hyperparameters import Choice


class Proposer(Protocol):
    """Chooses the points of one variant."""

    def propose(self, count: int) -> list[Variant]:
        """Return the next points."""
        ...

    def tell(self, scores: list[float]) -> None:
        """Learn the scores of the last points; inf if one did not finish. Lower is better."""
        ...


class Sequence:
    """The points of a quasi-random sequence (`variants.search_point`). They depend on no result."""

    def __init__(self, variant: Variant) -> None:
        self.variant, self.count = variant, 0

    def propose(self, count: int) -> list[Variant]:
        """Return the next points."""
        self.count += count
        return [self.variant.at_point(point) for point in range(self.count - count, self.count)]

    def tell(self, scores: list[float]) -> None:
        """Ignore results."""


class Optuna:
    """Points from one of Optuna's samplers, within the unit cube of the variant's search spaces.

    The sampler's seed depends on the names of what is searched, so methods with the same names start at the same
    quantiles. A point that did not finish counts as worse than all others.
    """

    def __init__(self, variant: Variant, budget: Search) -> None:
        optuna = importlib.import_module("optuna")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.variant, self.count, self.asked = variant, 0, []
        self.ordered = budget.searcher == "cmaes"  # it knows no unordered choices
        seed = int(sha256(",".join(variant.searched).encode())[:8], 16)
        samplers = {
            "random": lambda: optuna.samplers.RandomSampler(seed=seed),
            # Points of one round must differ, although none has a result yet.
            "tpe": lambda: optuna.samplers.TPESampler(seed=seed, n_startup_trials=budget.round, constant_liar=True),
            "cmaes": lambda: optuna.samplers.CmaEsSampler(seed=seed, n_startup_trials=budget.round),
        }
        self.study = optuna.create_study(sampler=samplers[budget.searcher]())

    def propose(self, count: int) -> list[Variant]:
        """Return the next points."""
        self.asked = [self.study.ask() for _ in range(count)]
        points = [
            self.variant.with_values(self.count + k, {name: self._value(trial, name) for name in self.variant.searched})
            for k, trial in enumerate(self.asked)
        ]
        self.count += count
        return points

    def _value(self, trial: Any, name: str) -> Any:
        space = self.variant.space(name)
        if not isinstance(space, Choice):
            return space.at(trial.suggest_float(name, 0, 1))
        if self.ordered:
            return space.at(min(trial.suggest_float(name, 0, 1), math.nextafter(1, 0)))
        return space.options[trial.suggest_categorical(name, range(len(space.options)))]

    def tell(self, scores: list[float]) -> None:
        """Learn the scores of the last points."""
        for trial, score in zip(self.asked, scores, strict=True):
            self.study.tell(trial, score)


def refuse_missing(searcher: str) -> None:
    """Refuse a searcher whose library is not installed.

    Raises:
        UserError: the message says how to install it.
    """
    libraries = {"halton": (), "cmaes": ("optuna", "cmaes")}.get(searcher, ("optuna",))
    for library in libraries:
        try:
            importlib.import_module(library)
        except Exception as error:  # a broken installation raises anything
            problem = f"needs the library {library}, which cannot be imported ({type(error).__name__})"
            raise UserError(f'--searcher {searcher} {problem}; to install it: pip install -e ".[optuna]"') from None


class Rounds:
    """The rounds of a search. Every variant gets the same number of points; of one without searched values, one is all.

    Args:
        variants: what is searched, each with its `searcher`.
        budget: the number of points, and that of a round.
    """

    def __init__(self, variants: list[Variant], budget: Search) -> None:
        assert budget.points is not None
        refuse_missing(budget.searcher)
        self.total = budget.points
        self.size = self.total if budget.searcher == "halton" else budget.round
        kind = Sequence if budget.searcher == "halton" else lambda variant: Optuna(variant, budget)
        self._proposers: dict[Variant, Proposer] = {variant: kind(variant) for variant in variants}
        self._points: dict[tuple[str, int], Variant] = {}  # by label without point, and point
        self._first: dict[tuple[Variant, str], Variant] = {}  # by variant and values: the first such point
        self._last: dict[Variant, list[Variant]] = {}

    def __iter__(self) -> Iterator[tuple[range, list[Variant]]]:
        """Yield the numbers and the new points of each round, ordered by point. `tell` must be called in between.

        A point with the values of an earlier one is not trained again.
        """
        for start in range(0, self.total, self.size):
            numbers = range(start, min(start + self.size, self.total))
            self._last = {
                variant: proposer.propose(len(numbers) if variant.searched else 1)
                for variant, proposer in self._proposers.items()
                if variant.searched or start == 0
            }
            ordered = [
                (variant, at[k]) for k in range(len(numbers)) for variant, at in self._last.items() if k < len(at)
            ]
            points = [point for variant, point in ordered if self._same(variant, point) is point]
            self._points |= {split_label(point.label): point for point in points}
            yield numbers, points

    def _same(self, variant: Variant, point: Variant) -> Variant:
        """Return the first point of a variant with the values of `point`."""
        values = repr((sorted(point.hyperparameters.items()), point.learning_rate))
        return self._first.setdefault((variant, values), point)

    def tell(self, results: pd.DataFrame) -> None:
        """Pass the scores of the last round to the searcher. results: `search.results` of all rounds so far."""
        scores = search.scores(results).set_index(["variant", "point"])["score"].to_dict()
        for variant, points in self._last.items():
            labels = [split_label(self._same(variant, point).label) for point in points]
            self._proposers[variant].tell([scores[label] for label in labels])

    def point(self, variant: Variant, number: int) -> Variant:
        """Return a variant at one of its points so far."""
        return self._points[variant.searched_label, number]
