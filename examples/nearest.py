"""A plug-in with two metrics: one of generated images, one of codes."""

from torch import Tensor, cdist

from bench.plugins import CodeMetric, Metric


def nearest(features: Tensor, real_features: Tensor) -> Tensor:
    """Nearest: the distance in features from a generated image to the nearest real one, averaged over images."""
    return cdist(features, real_features).amin(1).mean()


def kurtosis(codes: Tensor) -> Tensor:
    """Kurtosis: of each coordinate of the codes, averaged over coordinates; 3 for a normal distribution."""
    standardised = (codes - codes.mean(0)) / codes.std(0)
    return standardised.pow(4).mean()


METRICS = {"nearest": Metric(nearest, better="lower")}
CODE_METRICS = {"kurtosis": CodeMetric(kurtosis, better="real")}
