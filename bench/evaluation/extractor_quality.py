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
    from scipy.stats import binomtest  # slow to import, and of no use to a dry run

    n = data.counts["test"]
    chance = 1 / TURNS if extractor.name == "rotation" else float(np.bincount(data.labels("test")).max()) / n
    interval = binomtest(round(extractor.accuracy * n), n).proportion_ci(CONFIDENCE)
    if interval.low > chance:
        return None
    what = "by how much an image is turned" if extractor.name == "rotation" else "the classes"
    range_of = f"{CONFIDENCE:.0%} interval {interval.low:.1%} to {interval.high:.1%}"
    return (
        f"the network whose features compare images does not tell {what}: it is right for {extractor.accuracy:.1%} of "
        f"{n:,} test images ({range_of}), and a constant answer for {chance:.1%}"
    )
