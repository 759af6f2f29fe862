"""Early stopping of searches."""

import pytest
from specimens import make_trial

from bench.experiment.settings import Training


def test_each_variant_has_rungs_of_its_own_and_none_at_the_end():
    from bench.executors.ray import Asha

    labels = ("mmd[point=0]", "mmd[prior=sphere,point=0]", "mmd[point=1]")
    for budget in ({"epochs": 9}, {"steps": 1000}, {"seconds": 60.0}):
        trials = {
            str(i): make_trial(label, training=Training(learning_rate=1e-3, **budget)) for i, label in enumerate(labels)
        }
        asha = Asha(trials)
        assert asha.variants == {"0": "mmd", "1": "mmd[prior=sphere]", "2": "mmd"}
        for one in asha.schedulers.values():
            rungs = sorted(milestone for milestone, _ in one._brackets[0]._rungs)
            assert rungs == pytest.approx([1 / 9, 1 / 3])
