"""The folder of an experiment: its trials, its description, and its copy of a store."""

import json

import pytest
from specimens import make_environment, make_trial

from bench.io.files import Folder
from bench.io.untrusted import Malformed
from bench.store.documents import Ending
from bench.store.folders import ExperimentFolder, TrialFolder, how_to_get_checkpoint
from bench.store.states import State


def test_a_trial_that_never_began_is_kept_with_its_reason(tmp_path):
    experiment = ExperimentFolder(tmp_path)
    experiment.trial("a-s0-1").end(make_trial(), Ending(State.failed, "no worker"))
    (trial,) = experiment.trials()
    assert (trial.status().state, trial.status().reason) == ("failed", "no worker")
    assert trial.environment() is None


def test_an_empty_experiment_has_no_trials_and_no_description(tmp_path):
    experiment = ExperimentFolder(tmp_path)
    assert experiment.trials() == []
    assert experiment.description() is None
    experiment.trial("a-s0-1").claim(make_trial(), make_environment())
    assert [folder.path.name for folder in experiment.trials()] == ["a-s0-1"]
    assert json.loads((tmp_path / "trials" / "a-s0-1" / "spec.json").read_text()) == make_trial().document.model_dump()


def test_a_copy_drops_a_checkpoint_that_the_store_has_replaced(remote_folder, tmp_path):
    home, copy = TrialFolder(remote_folder / "trials" / "a"), ExperimentFolder(tmp_path / "copy", remote_folder)
    home.write("checkpoint.pt", b"half")
    copy.pull(checkpoints=True)
    assert copy.trial("a").checkpoint() == (b"half", None)
    home.write("checkpoint.pt", b"last")
    copy.pull()
    assert copy.trial("a").checkpoint() == (None, None)
    copy.pull(checkpoints=True)
    assert copy.trial("a").checkpoint() == (b"last", None)


def test_files_removed_from_the_store_are_removed_from_the_copy(remote_folder, tmp_path):
    home, copy = Folder(remote_folder), ExperimentFolder(tmp_path / "copy", remote_folder)
    TrialFolder(remote_folder / "trials" / "a").write("spec.json", b"{}")
    home.write("experiment.yaml", b"x")
    copy.pull()
    copy.reset("a")
    TrialFolder(remote_folder / "trials" / "b").write("spec.json", b"{}")
    copy.pull()
    TrialFolder(remote_folder / "trials" / "b").forget()
    copy.pull()
    assert copy.trials() == []
    assert copy.read("experiment.yaml") == b"x"


def test_a_folder_from_which_a_link_leads_out_cannot_be_opened_in_any_way(tmp_path):
    (tmp_path / "outside").mkdir()
    inside = tmp_path / "experiment"
    inside.mkdir()
    (inside / "trials").symlink_to(tmp_path / "outside")
    for door in (ExperimentFolder, ExperimentFolder.open):
        with pytest.raises(Malformed, match="is a link that leads out of experiment"):
            door(inside)


def test_the_folder_of_a_trial_copied_alone_is_not_taken_for_an_experiment(tmp_path):
    """Its grandparent may be any directory, with any links."""
    (tmp_path / "outside").mkdir()
    grandparent = tmp_path / "home"
    trial = TrialFolder(grandparent / "copies" / "trial")
    trial.claim(make_trial(), make_environment())
    (grandparent / "link").symlink_to(tmp_path / "outside")
    assert how_to_get_checkpoint(trial) == "bench.run --force trains it again"
