"""bench.run --tune N: train N points of every method's search space, then retrain the best point on fresh seeds.

The best few points of every method are trained on more tuning seeds before one of them is chosen (`Search.finalists`).
"""

from dataclasses import dataclass, replace

import pandas as pd

from bench.analysis import search
from bench.driver.dry_run import cost, power
from bench.driver.pipeline import Pipeline
from bench.driver.searchers import Rounds
from bench.errors import RunError, UserError, plural, say
from bench.executors.base import Resources
from bench.experiment.specification import Trial
from bench.experiment.variants import Variant
from bench.store.folders import SEARCH, ExperimentFolder
from bench.store.lock import locked

TUNING_SEED = 10_000  # the first tuning seed; the seeds of experiments are smaller


@dataclass(frozen=True)
class Tuning:
    """A search, stored in `search/` in the experiment's folder, followed by the experiment with the best points.

    Attributes:
        pipeline: the experiment, with one variant per search.

    Raises:
        UserError: a variant already has a point.
    """

    pipeline: Pipeline

    def __post_init__(self) -> None:
        if any(variant.point is not None for variant in self.pipeline.variants):
            raise UserError("point= names one point of a search; leave it out, or leave out --tune")

    @property
    def variants(self) -> list[Variant]:
        """What is searched, and by what."""
        searcher = self.pipeline.experiment.search.searcher
        return [replace(variant, searcher=searcher) for variant in self.pipeline.variants]

    def rounds(self) -> Rounds:
        """Begin the choice of points."""
        return Rounds(self.variants, self.pipeline.experiment.search)

    def searching(self, points: list[Variant]) -> Pipeline:
        """A round of the first stage: points, on tuning seeds and the validation split."""
        pipeline, budget = self.pipeline, self.pipeline.experiment.search
        assert budget.points is not None
        evaluation = pipeline.experiment.evaluation
        # Without a scheduler, only the end of a point's training matters.
        evaluations = evaluation.evaluations if budget.scheduler == "asha" else 1
        changes = {"split": "validation", "final_samples": None, "evaluations": evaluations, "metrics": []}
        experiment = pipeline.experiment.model_copy(
            update={"seeds": budget.seeds, "evaluation": evaluation.model_copy(update=changes)}
        )
        storage = pipeline.options.storage and pipeline.options.storage / SEARCH
        options = replace(pipeline.options, out=pipeline.options.out / SEARCH, storage=storage)
        asked = pipeline.asked | {"evaluations", "final_samples"}
        return replace(
            pipeline,
            experiment=experiment,
            variants=points,
            options=options,
            first_seed=TUNING_SEED,
            asked=asked,
            before=pipeline.folder,
        )

    def finals(self, results: pd.DataFrame, rounds: Rounds) -> Pipeline:
        """The second stage: the best points of every variant, on more tuning seeds. No trial is stopped early."""
        budget = self.pipeline.experiment.search
        ranked = search.finalists(results, budget.finalists)
        points = [
            rounds.point(variant, point)
            for rank in range(budget.finalists)
            for variant in self.variants
            if variant.searched
            for point in ranked.get(variant.searched_label, [])[rank : rank + 1]
        ]
        searching = self.searching(points)
        return replace(
            searching,
            experiment=searching.experiment.model_copy(update={"seeds": budget.final_seeds}),
            resources=replace(searching.resources, scheduler="none"),
            first_seed=TUNING_SEED + budget.seeds,
        )

    @property
    def confirming(self) -> Pipeline:
        """The last stage, before the best points are known. No trial is stopped early."""
        return replace(self.pipeline, resources=replace(self.pipeline.resources, scheduler="none"))

    @property
    def _size(self) -> int:
        """The greatest number of trials of the first stage."""
        budget, searched = self.pipeline.experiment.search, sum(bool(v.searched) for v in self.pipeline.variants)
        return budget.seeds * (len(self.pipeline.variants) + searched * ((budget.points or 1) - 1))

    @property
    def _finals(self) -> int:
        """The greatest number of trials of the second stage."""
        budget = self.pipeline.experiment.search
        return len(self.pipeline.variants) * min(budget.finalists, budget.points or 0) * budget.final_seeds

    def dry_run(self) -> None:
        """Print the trials of the search, and estimates of time and disk. Nothing is trained or written."""
        self.pipeline.check_storable()
        self._say_ranges()
        foreseen = Tuning(self.pipeline.foresee())
        numbers, points = next(iter(foreseen.rounds()))
        cost(foreseen.searching(points))
        budget = self.pipeline.experiment.search
        if numbers.stop < (budget.points or 0):
            later = self._size - budget.seeds * len(points)
            say(
                f"then {budget.searcher} chooses {plural((budget.points or 0) - numbers.stop, 'point')} more of each "
                f"variant, in rounds of {budget.round}: at most {plural(later, 'trial')} (not included in the time "
                "and disk above)"
            )
        count, seeds = len(self.pipeline.variants), self.pipeline.experiment.seeds
        if self._finals:
            say(
                f"then the best {plural(budget.finalists, 'point')} of each variant: "
                f"{plural(budget.final_seeds, 'more tuning seed')}, at most {plural(self._finals, 'trial')} "
                "(not included in the time and disk above)"
            )
        say(
            f"then the best point of each variant ({count}) is retrained on {plural(seeds, 'seed')} and evaluated "
            "against the test images (not included in the time and disk above)"
        )
        power(self.pipeline)

    def run(self) -> None:
        """Search, choose the best points, retrain them, and report.

        Raises:
            SystemExit: status 1, if a variant has no best point or a retrained trial failed.
        """
        first = self.searching(next(iter(self.rounds()))[1])
        first.check_storable()
        self._say_ranges()
        with self.pipeline.session(trials=self._size + self._finals + self.pipeline.size):
            foreseen = Tuning(self.confirming.continued().foresee(download=True))  # refuse now, not after the search
            with locked(first.folder):
                rounds = foreseen.rounds()
                trials = foreseen._search(rounds, self.pipeline.resources)
                results = _results(first.folder, trials)
                finals = foreseen.finals(results, rounds)
                if finals.size:
                    results = _results(first.folder, [*trials, *finals.train().trials])
                chosen = foreseen._choose(first.folder, results, rounds)
                confirming = replace(foreseen.pipeline, variants=chosen)
                confirming.conclude(confirming.train())
            if len(chosen) < len(self.pipeline.variants):
                raise SystemExit(1)

    def _say_ranges(self) -> None:
        """Print the ranges that replace declared ones, and their scales."""
        for variant in self.pipeline.variants:
            for name, space in variant.ranges.items():
                say(f"{variant.label}: {name} is searched from {space}")

    def _search(self, rounds: Rounds, resources: Resources) -> list[Trial]:
        """Train every point, round by round, and return the trials."""
        trials: list[Trial] = []
        for numbers, points in rounds:
            if len(numbers) < rounds.total:
                searcher = self.pipeline.experiment.search.searcher
                say(f"points {numbers.start} to {numbers.stop - 1} of {rounds.total}, by {searcher}")
            searching = replace(self.searching(points), resources=resources)
            if points:  # else all of this round have the values of earlier ones
                trials += searching.train().trials
            if numbers.stop < rounds.total:
                rounds.tell(_results(searching.folder, trials))
        return trials

    def _choose(self, folder: ExperimentFolder, results: pd.DataFrame, rounds: Rounds) -> list[Variant]:
        """Return each variant at its best point."""
        best = search.best(results)
        chosen = []
        for variant in self.variants:
            point = best.get(variant.searched_label)
            if point is None:
                say(f"error: no point of {variant.label} finished; see {folder.path}", error=True)
            else:
                chosen.append(rounds.point(variant, point))
                say(f"the best point of {variant.label}: {chosen[-1].label}, {chosen_values(chosen[-1])}")
        if not chosen:
            raise RunError(f"no point of any method finished; see the reasons in {folder.path}/trials/*/status.json")
        return chosen


def _results(folder: ExperimentFolder, trials: list[Trial]) -> pd.DataFrame:
    """The results of these trials. An earlier, longer search may have left more trials in the folder."""
    ids = {trial.id for trial in trials}
    results = search.results(folder, ids)
    if len(results) < len(ids):
        problem = f"{len(ids) - len(results)} trials of the search are stale, so methods had different budgets"
        raise RunError(f"{problem}; --retrain-stale trains them again")
    return results


def chosen_values(variant: Variant) -> str:
    """Format the values that the search chose: 'weight=31.6, learning_rate=0.002'."""
    values = variant.hyperparameters | {"learning_rate": variant.learning_rate}
    return ", ".join(f"{name}={values[name]}" for name in variant.searched)
