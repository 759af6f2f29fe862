"""bench.run --tune N: for every method as many points of its search space, then its best one again on fresh seeds."""

import sys
from dataclasses import dataclass, replace

from bench.analysis import search
from bench.driver.pipeline import Run
from bench.errors import RunError, UserError
from bench.experiment import labels
from bench.experiment.variants import Variant
from bench.store.folders import ExperimentFolder
from bench.store.lock import locked

TUNING_SEED = 10_000  # the first: more than any experiment's own, which begin at 0


@dataclass(frozen=True)
class Tuning:
    """A search, in `search/` below the experiment's folder, and the experiment of what it found.

    run: the experiment, with one variant for each that is searched.
    """

    run: Run

    def __post_init__(self) -> None:
        if any(variant.point is not None for variant in self.run.variants):
            raise UserError("point= names one point of a search; leave it out, or leave out --tune")

    @property
    def searching(self) -> Run:
        """The first stage: every point, on tuning seeds and the validation split."""
        run, budget = self.run, self.run.experiment.search
        assert budget.points is not None
        evaluation = run.experiment.evaluation
        # Without a scheduler nobody looks at a point before its end.
        evaluations = evaluation.evaluations if budget.scheduler == "asha" else 1
        changes = {"split": "validation", "final_samples": None, "evaluations": evaluations}
        experiment = run.experiment.model_copy(
            update={"seeds": budget.seeds, "evaluation": evaluation.model_copy(update=changes)}
        )
        points = [
            variant.at_point(point)
            for point in range(budget.points)
            for variant in run.variants
            if variant.free or point == 0  # of what has nothing to search, all points are one
        ]
        home = run.options.storage and run.options.storage / search.FOLDER
        options = replace(run.options, out=run.options.out / search.FOLDER, storage=home)
        return replace(run, experiment=experiment, variants=points, options=options, first_seed=TUNING_SEED)

    @property
    def chosen(self) -> Run:
        """The second stage, still with what was searched; nothing is stopped early."""
        return replace(self.run, resources=replace(self.run.resources, scheduler="none"))

    def dry(self) -> None:
        """Print the trials of the search and its estimates; train and write nothing."""
        foreseen = Tuning(self.run.foresee())
        foreseen.searching.dry()
        count, seeds = len(self.run.variants), self.run.experiment.seeds
        print(
            f"then the best point of each of {count} variants again, {seeds} seeds each, against the test images "
            "(time and disk not counted above)"
        )

    def wet(self) -> None:
        """Search, choose, train again, report. Exit status 1 where a variant has no point, or a chosen trial failed."""
        with self.run.session(trials=self.searching.size + self.run.size):
            foreseen = Tuning(self.chosen.foresee())  # a refusal after the search would come too late
            searching = replace(foreseen.searching, resources=self.run.resources)
            with locked(searching.folder):
                chosen = self._chosen(searching.folder, {trial.id for trial in searching.train()})
                run = replace(foreseen.run, variants=chosen)
                run.conclude(run.train())
            if len(chosen) < len(self.run.variants):
                raise SystemExit(1)

    def _chosen(self, folder: ExperimentFolder, trials: set[str]) -> list[Variant]:
        """The best of these trials for each variant: not of what else an earlier, longer search left in the folder."""
        results = search.results(folder)
        results = results[results["trial"].isin(trials)]
        if len(results) < len(trials):
            stale = f"{len(trials) - len(results)} trials of the search are stale, so that not all methods had as many"
            raise RunError(f"{stale}; --retrain-stale trains them again")
        best = search.best(results)
        chosen = []
        for variant in self.run.variants:
            point = best.get(labels.split_label(variant.at_point(0).label)[0])
            if point is None:
                print(f"error: no point of {variant.label} came to its end; see {folder.path}", file=sys.stderr)
            else:
                chosen.append(variant.at_point(point))
                print(f"the best of {variant.label}: {chosen[-1].label}, {described(chosen[-1])}")
        if not chosen:
            raise RunError(f"no point of any method came to its end; {folder.path}/trials/*/status.json say why")
        return chosen


def described(variant: Variant) -> str:
    """'weight=31.6, learning_rate=0.002': what the search chose."""
    values = variant.hyperparameters | {"learning_rate": variant.learning_rate}
    return ", ".join(f"{name}={values[name]}" for name in variant.free)
