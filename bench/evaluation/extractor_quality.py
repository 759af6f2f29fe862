"""Judges a trained extractor against chance: features of a network that has learnt nothing measure nothing."""

import numpy as np

from bench.data.prepared import Prepared
from bench.evaluation.feature_network import TrainedExtractor
from bench.evaluation.feature_training import TURNS
from bench.evaluation.features import Extractor

CONFIDENCE = 0.98  # of the two-sided interval (Clopper and Pearson): a network at chance passes in 1% of cases


def doubt(extractor: Extractor, data: Prepared) -> str | None:
    """Return a line that says why the extractor's distances mean little; None if it is better than chance.

    Chance is the accuracy of the best constant answer. Inception, and networks that were trained on other images, are
    not judged.
    """
    if not isinstance(extractor, TrainedExtractor) or extractor.description["fingerprint"] != data.fingerprint:
        return None
    n = data.counts["test"]
    chance = 1 / TURNS if extractor.name == "rotation" else float(np.bincount(data.labels("test")).max()) / n
    low, high = proportion_interval(round(extractor.accuracy * n), n)
    if low > chance:
        return None
    what = "by how much an image is turned" if extractor.name == "rotation" else "the classes"
    range_of = f"{CONFIDENCE:.0%} interval {low:.1%} to {high:.1%}"
    return (
        f"the network whose features compare images does not tell {what}: it is right for {extractor.accuracy:.1%} of "
        f"{n:,} test images ({range_of}), and a constant answer for {chance:.1%}"
    )


def proportion_interval(right: int, n: int) -> tuple[float, float]:
    """Return the interval of a proportion of which `right` of n were drawn (Clopper, Pearson, Biometrika 26, 1934)."""
    from scipy.special import betaincinv  # scipy.stats takes several times as long to import

    tail = (1 - CONFIDENCE) / 2
    low = float(betaincinv(right, n - right + 1, tail)) if right else 0.0
    return low, float(betaincinv(right + 1, n - right, 1 - tail)) if right < n else 1.0
