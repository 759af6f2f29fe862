"""Two thousand trials: nothing of the harness's own grows faster than their number."""

import pytest
from project import ROOT, module_from
from runs import rows_of

from bench.analysis import frames
from bench.store.folders import ExperimentFolder

scale = module_from(ROOT / "benchmarks" / "scale.py")
TRIALS = 2000
MEMORY_KB = 500  # of the driver, for each trial: what is known of it, and Tune's object for it


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_two_thousand_trials_by_ray_end_and_the_driver_stays_small(tmp_path):
    _, first, most = scale.watched(scale.command(tmp_path, TRIALS, "ray"), tmp_path)
    folder = ExperimentFolder(tmp_path / f"{TRIALS}")
    found = frames.trials(folder)
    assert len(found) == TRIALS
    assert (found["state"] == "done").all()
    assert (found["resumed"] == 0).all()
    assert rows_of(folder.path).groupby("trial").size().tolist() == [1] * TRIALS
    assert (most - first) * 1e3 / TRIALS < MEMORY_KB
    assert not (folder.path / ".ray").exists()
