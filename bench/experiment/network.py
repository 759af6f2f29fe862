"""Resolve the network of an experiment."""

from bench.errors import UserError, unknown
from bench.experiment.settings import Experiment
from methods.networks import NETWORKS, Networks, fitting


def with_network(experiment: Experiment) -> Experiment:
    """Replace the network "auto" by the deepest one that fits the images.

    Raises:
        UserError: The network is unknown or does not fit the images.
    """
    network, shape = experiment.network, experiment.preprocessing.shape
    if network.name not in (*NETWORKS, "auto"):
        raise unknown("network", network.name, [*NETWORKS, "auto"])
    try:
        if network.name == "auto":
            network = network.model_copy(update={"name": fitting(shape[1])})
        Networks(network.name, shape, network.latent_dim, network.width)
    except ValueError as error:
        raise UserError(str(error)) from None
    return experiment.model_copy(update={"network": network})
