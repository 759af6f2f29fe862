"""bench.run --tune N: N points of every method's search space, then its best point again on fresh seeds."""

import sys
from dataclasses import dataclass, replace

from bench.analysis import search
from bench.driver.dry_run import dry_run
from bench.driver.pipeline import Pipeline
from bench.errors import RunError, UserError
from bench.experiment.labels import split_label
from bench.experiment.variants import Variant
from bench.store.folders import ExperimentFolder
from bench.store.lock import locked

TUNING_SEED = 10_000  # the first one; the seeds of an experiment begin at 0 and stay below


@dataclass(frozen=True)
class Tuning:
    """A search, in `search/` below the experiment's folder, and the experiment with the points that it chose.

    pipeline: the experiment, with one variant for each search.

    Raises:
        UserError: a variant names a point already.
    """

    pipeline: Pipeline

    def __post_init__(self) -> None:
        if any(variant.point is not None for variant in self.pipeline.variants):
            raise UserError("point= names one point of a search; leave it out, or leave out --tune")

    @property
    def searching(self) -> Pipeline:
        """The first stage: every point, on tuning seeds and the validation split."""
        pipeline, budget = self.pipeline, self.pipeline.experiment.search
        assert budget.points is not None
        evaluation = pipeline.experiment.evaluation
        # Without a scheduler, only the end of a point's training matters.
        evaluations = evaluation.evaluations if budget.scheduler == "asha" else 1
        changes = {"split": "validation", "final_samples": None, "evaluations": evaluations}
        experiment = pipeline.experiment.model_copy(
            update={"seeds": budget.seeds, "evaluation": evaluation.model_copy(update=changes)}
        )
        points = [
            variant.at_point(point)
            for point in range(budget.points)
            for variant in pipeline.variants
            if variant.free or point == 0  # without anything to search, all points are the same
        ]
        storage = pipeline.options.storage and pipeline.options.storage / search.FOLDER
        options = replace(pipeline.options, out=pipeline.options.out / search.FOLDER, storage=storage)
        return replace(pipeline, experiment=experiment, variants=points, options=options, first_seed=TUNING_SEED)

    @property
    def confirming(self) -> Pipeline:
        """The second stage, before its points are chosen. No trial is stopped early."""
        return replace(self.pipeline, resources=replace(self.pipeline.resources, scheduler="none"))

    def dry_run(self) -> None:
        """Print the trials of the search and its estimates. Nothing is trained or written."""
        foreseen = Tuning(self.pipeline.foresee())
        dry_run(foreseen.searching)
        count, seeds = len(self.pipeline.variants), self.pipeline.experiment.seeds
        print(
            f"then the best point of each of {count} variants again, {seeds} seeds each, against the test images "
            "(time and disk not counted above)"
        )

    def run(self) -> None:
        """Search, choose, train again, report. Exit status 1 if a variant has no point or a chosen trial failed."""
        with self.pipeline.session(trials=self.searching.size + self.pipeline.size):
            foreseen = Tuning(self.confirming.foresee())  # a refusal after the search would come too late
            searching = replace(foreseen.searching, resources=self.pipeline.resources)
            with locked(searching.folder):
                ids = {trial.id for trial in searching.train().trials}
                chosen = self._choose(searching.folder, ids)
                confirming = replace(foreseen.pipeline, variants=chosen)
                confirming.conclude(confirming.train())
            if len(chosen) < len(self.pipeline.variants):
                raise SystemExit(1)

    def _choose(self, folder: ExperimentFolder, ids: set[str]) -> list[Variant]:
        """Return each variant at its best point.

        Only trials with these ids count: an earlier, longer search may have left more in the folder.
        """
        results = search.results(folder)
        results = results[results["trial"].isin(ids)]
        if len(results) < len(ids):
            stale = f"{len(ids) - len(results)} trials of the search are stale, so that not all methods had as many"
            raise RunError(f"{stale}; --retrain-stale trains them again")
        best = search.best(results)
        chosen = []
        for variant in self.pipeline.variants:
            point = best.get(split_label(variant.at_point(0).label)[0])
            if point is None:
                print(f"error: no point of {variant.label} came to its end; see {folder.path}", file=sys.stderr)
            else:
                chosen.append(variant.at_point(point))
                print(f"the best of {variant.label}: {chosen[-1].label}, {chosen_values(chosen[-1])}")
        if not chosen:
            raise RunError(f"no point of any method came to its end; {folder.path}/trials/*/status.json say why")
        return chosen


def chosen_values(variant: Variant) -> str:
    """'weight=31.6, learning_rate=0.002': the values that the search chose."""
    values = variant.hyperparameters | {"learning_rate": variant.learning_rate}
    return ", ".join(f"{name}={values[name]}" for name in variant.free)
