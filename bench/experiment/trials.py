"""Plan the trials of an experiment."""

from pydantic import ValidationError

from bench.errors import UserError, cut
from bench.experiment.origins import source_of
from bench.experiment.settings import Experiment
from bench.experiment.specification import DatasetIdentity, Trial, TrialSpec
from bench.experiment.variants import Variant
from bench.io.schema import first_difference


def plan(
    experiment: Experiment, variants: list[Variant], dataset: DatasetIdentity, threads: int, first_seed: int = 0
) -> list[Trial]:
    """Return a trial for every variant and seed. Ordered by seed, so an interrupted run still covers every variant.

    Args:
        experiment: resolved.
        variants: what is compared.
        dataset: the images.
        threads: CPU threads of every trial.
        first_seed: the first of `experiment.seeds` seeds.

    Raises:
        UserError: a hyperparameter has a value that spec.json cannot store.
    """
    seeds = range(first_seed, first_seed + experiment.seeds)
    pairs = [(seed, variant) for seed in seeds for variant in variants]
    return [_trial(experiment, variant, dataset, threads, seed) for seed, variant in pairs]


def _trial(experiment: Experiment, variant: Variant, dataset: DatasetIdentity, threads: int, seed: int) -> Trial:
    try:
        spec = TrialSpec(
            method=variant.method,
            hyperparameters=variant.hyperparameters,
            prior=variant.prior,
            learning_rate=variant.learning_rate
            or experiment.training.learning_rate
            or variant.defaults["learning_rate"],
            dataset=dataset,
            preprocessing=experiment.preprocessing,
            network=experiment.network,
            training=experiment.training,
            evaluation=experiment.evaluation,
            threads=threads,
            seed=seed,
        )
    except ValidationError as error:
        raise _not_recordable(variant, error) from None
    trial = Trial.plan(spec, variant.label, source_of(spec))
    try:
        _ = trial.document
    except ValidationError as error:
        raise _not_recordable(variant, error) from None
    return trial


def _not_recordable(variant: Variant, error: ValidationError) -> UserError:
    return UserError(f"{cut(variant.label)} cannot be recorded ({first_difference(error)}); choose another value")
