"""The identity of an experiment's data set, as it stands in the specification of every trial."""

from bench.data.preparation import DatasetInfo
from bench.data.prepared import Prepared
from bench.experiment.settings import Experiment
from bench.experiment.specification import DatasetIdentity


def identify(experiment: Experiment, images: DatasetInfo | Prepared | None) -> DatasetIdentity:
    """Return the identity of the images, with the unit of penalty weights if it is known; None: not available."""
    if images is None:
        return DatasetIdentity(name=experiment.dataset, fingerprint="unknown")
    training, errors = experiment.training, images.constant_errors
    unit = 1.0 if training.weight_units == "absolute" else getattr(errors, training.reconstruction, None)
    count = images.counts["train"]
    return DatasetIdentity(
        name=experiment.dataset,
        fingerprint=images.fingerprint,
        weight_unit=unit,
        train_images=min(count, training.train_images or count),
    )
