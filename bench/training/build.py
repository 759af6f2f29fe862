"""Build the untrained method of a trial."""

import torch

from bench.experiment.specification import TrialSpec
from bench.runtime import rng
from methods import METHODS, Method
from methods.networks import Networks
from methods.priors import PRIORS


def code_dimensions(spec: TrialSpec) -> int:
    """Return the numbers in a code of a trial (`Network.equal_dimensions`)."""
    lost = PRIORS[spec.prior].dimensions_lost if spec.network.equal_dimensions else 0
    return spec.network.latent_dim + lost


def build(spec: TrialSpec) -> Method:
    """Build the untrained method. All methods with the same seed start from the same networks.

    If the unit of penalty weights is not known, as in a dry run, weights are absolute.
    """
    network, training = spec.network, spec.training
    dim = code_dimensions(spec)
    prior = PRIORS[spec.prior](dim, scaled=network.scaled_codes)
    dataset = spec.dataset
    networks = Networks(
        network.name,
        spec.preprocessing.shape,
        dim,
        network.width,
        training.precision,
        initialisation=network.initialisation,
        reconstruction=training.reconstruction,
        weight_unit=(dataset and dataset.weight_unit) or 1.0,
        train_images=dataset and dataset.train_images,
    )
    rng.seed_everything(spec.seed)
    method = METHODS[spec.method](networks, prior, **spec.hyperparameters)
    return method.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
