"""How trials ended: what their own workers could not record is recorded by the driver."""

import pytest
from specimens import make_environment, make_trial

from bench.driver.endings import Endings
from bench.errors import RunError
from bench.store.documents import Ending
from bench.store.folders import ExperimentFolder
from bench.store.states import State
from bench.store.trial_folder import TrialFolder
from bench.training.events import Ended


@pytest.fixture
def folder(tmp_path):
    return ExperimentFolder(tmp_path)


def on_full_disk(*_):
    raise RunError("cannot write: No space left on device")


def test_a_trial_that_was_lost_or_stopped_is_recorded_though_no_worker_could(folder):
    lost, stopped = make_trial(seed=0), make_trial(seed=1)
    endings = Endings(folder)
    endings.observe(lost, Ended(State.failed, "lost 4 times"))
    endings.observe(stopped, Ended(State.stopped, "behind the others (asha)"))
    assert folder.trial(stopped.name).status().state is State.stopped
    endings.record_rest([lost, stopped])
    for trial, state in ((lost, State.failed), (stopped, State.stopped)):
        status = folder.trial(trial.name).status()
        assert (status.state, endings.status(trial).state) == (state, state)
    assert endings.report_lost([lost, stopped])
    assert not Endings(folder).report_lost([stopped])


def test_what_a_worker_recorded_is_left_as_it_is(folder):
    trial = make_trial()
    mine = folder.trial(trial.name)
    mine.end(trial, Ending(State.failed, "RuntimeError: no luck", "Traceback"), mine.claim(trial, make_environment()))
    endings = Endings(folder)
    endings.observe(trial, Ended(State.failed, "another reason"))
    endings.record_rest([trial])
    assert mine.status().reason == "RuntimeError: no luck"
    assert mine.read("error.txt") == b"Traceback"


def test_a_worker_that_could_not_record_its_failure_keeps_its_traceback(folder, monkeypatch):
    trial, endings = make_trial(), Endings(folder)
    worker = folder.trial(trial.name)
    token = worker.claim(trial, make_environment())
    with monkeypatch.context() as patch:
        patch.setattr(TrialFolder, "_set", on_full_disk)
        with pytest.raises(RunError):
            worker.end(trial, Ending(State.failed, "RuntimeError: no luck", "Traceback"), token)
    endings.observe(trial, Ended(State.failed, "RuntimeError: no luck"))
    endings.record_rest([trial])
    assert worker.status().state is State.failed
    assert worker.read("error.txt") == b"Traceback"


def test_a_failure_is_recorded_after_the_run_because_storage_may_be_down(folder, monkeypatch):
    """An attempt to reach storage that is down takes a minute; meanwhile the scheduler would stand still."""
    touched = []
    with monkeypatch.context() as patch:
        for method in ("status", "write"):
            patch.setattr(TrialFolder, method, lambda *_, name=method: touched.append(name))
        endings = Endings(folder)
        endings.observe(make_trial(), Ended(State.failed, "lost 4 times"))
    assert touched == []
    assert endings.reported


def test_a_failure_that_cannot_be_written_down_is_reported_all_the_same(folder, monkeypatch, capsys):
    trial, endings = make_trial(), Endings(folder)
    with monkeypatch.context() as patch:
        patch.setattr(TrialFolder, "write", on_full_disk)
        endings.observe(trial, Ended(State.failed, "the disk is full"))
        endings.record_rest([trial])
        assert endings.report_lost([trial])
    assert "error: moco seed 0 failed: the disk is full" in capsys.readouterr().err
    endings.record_rest([trial])
    assert folder.trial(trial.name).status().reason == "the disk is full"
