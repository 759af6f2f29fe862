"""The folder of a trial: claims, checkpoints, rows and status, whatever is damaged or killed."""

import pytest
from specimens import make_environment, make_trial

from bench.analysis import frames
from bench.store import repair
from bench.store.documents import Ending
from bench.store.folders import ExperimentFolder
from bench.store.states import State
from bench.store.trial_folder import Superseded, TrialFolder

ROWS = [{"step": 1, "value": 0.5}, {"step": 2, "value": 0.25}]


def claimed(path) -> tuple[TrialFolder, str]:
    folder = TrialFolder(path)
    return folder, folder.claim(make_trial(), make_environment())


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path):
    folder, token = claimed(tmp_path)
    assert folder.checkpoint() == (None, None)
    folder.save(token, b"one", ROWS[:1], {})
    folder.save(token, b"two", ROWS, {})
    assert folder.checkpoint() == (b"two", None)
    (tmp_path / "checkpoint.pt").write_bytes(b"tw")
    checkpoint, warning = folder.checkpoint()
    assert checkpoint == b"one"
    assert "checkpoint.pt is damaged" in str(warning)
    assert folder.rows().to_dict("records") == ROWS
    # The damaged file does not push the whole one out.
    folder.save(token, b"three", ROWS, {})
    (tmp_path / "checkpoint.pt").write_bytes(b"thr")
    assert folder.checkpoint()[0] == b"one"


def save_and_finish(folder: TrialFolder, token: str, checkpoint: bytes) -> None:
    folder.save(token, checkpoint, ROWS, {})
    folder.end(make_trial(), Ending(State.done), token)


@pytest.mark.parametrize("victim", ["checkpoint.pt", "checkpoint.previous.pt", "status.json", "history.parquet"])
def test_repeated_kills_between_checksum_and_move_leave_valid_files(tmp_path, monkeypatch, victim):
    folder, token = claimed(tmp_path)
    folder.save(token, b"one", ROWS[:1], {})
    folder.save(token, b"two", ROWS[:1], {})

    def killed(self, target):
        if target.name == victim and target.parent == tmp_path:
            raise KeyboardInterrupt
        return self.rename(target)

    monkeypatch.setattr("pathlib.Path.replace", killed)
    for attempt in range(3):
        with pytest.raises(KeyboardInterrupt):
            save_and_finish(folder, token, b"later %d" % attempt)
    monkeypatch.undo()
    assert folder.is_intact("checkpoint.pt")
    assert folder.is_intact("checkpoint.previous.pt")
    assert folder.status().state == "running"
    assert len(folder.rows()) in (1, 2)
    folder.save(token, b"at last", ROWS, {"samples-1.png": b"png"})
    assert folder.checkpoint() == (b"at last", None)
    (tmp_path / "checkpoint.pt").write_bytes(b"")
    assert folder.checkpoint()[0] is not None


def test_who_has_lost_a_trial_cannot_write_to_it(tmp_path):
    folder, orphan = claimed(tmp_path)
    token = folder.claim(make_trial(), make_environment())
    for write in (
        lambda: folder.save(orphan, b"late", ROWS, {"samples-1.png": b"png"}),
        lambda: folder.end(make_trial(), Ending(State.failed, "late", "Traceback"), orphan),
        lambda: folder.resumed(orphan, 3),
    ):
        with pytest.raises(Superseded):
            write()
    assert sorted(p.name for p in tmp_path.iterdir()) == [".sha256", "environment.json", "spec.json", "status.json"]
    folder.save(token, b"mine", ROWS, {})
    folder.end(make_trial(), Ending(State.done), token)
    assert folder.checkpoint() == (b"mine", None)
    assert folder.status().state == "done"


def test_a_worker_that_stood_still_inside_a_save_replaces_nothing_when_it_wakes(tmp_path, monkeypatch):
    """Another process finishes the trial after the first file of the save."""
    folder, orphan = claimed(tmp_path)
    write = TrialFolder.write

    def stand_still(self, name, data, present=None):
        write(self, name, data, present)
        monkeypatch.setattr(TrialFolder, "write", write)
        token = self.claim(make_trial(), make_environment())
        self.save(token, b"whole", ROWS, {})
        self.end(make_trial(), Ending(State.done), token)

    monkeypatch.setattr(TrialFolder, "write", stand_still)
    with pytest.raises(Superseded):
        folder.save(orphan, b"late", ROWS[:1], {"samples-1.png": b"png"})
    assert folder.checkpoint() == (b"whole", None)
    assert len(folder.rows()) == len(ROWS)
    assert not repair.rows_damaged(folder)


def test_a_done_trial_whose_rows_were_replaced_is_not_done(tmp_path):
    folder, token = claimed(tmp_path)
    folder.save(token, b"whole", ROWS, {})
    folder.end(make_trial(), Ending(State.done), token)
    assert frames.describe(folder).state == "done"
    late = TrialFolder(tmp_path / "late")
    late.save(late.claim(make_trial(), make_environment()), b"late", ROWS[:1], {})
    folder.write("history.parquet", late.read("history.parquet"))  # its rename came after the token was checked
    assert frames.describe(folder).state == "unfinished"
    assert repair.rows_damaged(folder)


def test_status_counts_attempts_and_keeps_the_reason(tmp_path):
    folder, token = claimed(tmp_path)
    assert folder.status().state == "running"
    folder.end(make_trial(), Ending(State.diverged, "loss is nan at step 3"), token)
    token = folder.claim(make_trial(), make_environment())
    folder.resumed(token, 7)
    status = folder.status()
    assert (status.state, status.reason) == ("running", None)
    assert [attempt.from_step for attempt in status.attempts] == [None, 7]


def test_a_trial_without_its_specification_starts_anew(tmp_path):
    folder, token = claimed(tmp_path)
    folder.save(token, b"old", ROWS, {})
    folder.discard("spec.json")
    folder.claim(make_trial(), make_environment())
    assert folder.checkpoint() == (None, None)
    assert len(folder.status().attempts) == 1


def test_a_trial_that_is_done_has_rows(tmp_path):
    folder, token = claimed(tmp_path)
    folder.save(token, b"one", ROWS, {})
    folder.end(make_trial(), Ending(State.done), token)
    assert not repair.rows_damaged(folder)
    folder.discard("history.parquet")
    folder.discard("checkpoint.pt")
    assert repair.rows_damaged(folder)


def test_a_new_attempt_discards_the_traceback_of_the_one_before(tmp_path):
    folder, token = claimed(tmp_path)
    folder.end(make_trial(), Ending(State.failed, "RuntimeError: no luck", "Traceback"), token)
    assert folder.read("error.txt") == b"Traceback"
    folder.claim(make_trial(), make_environment())
    assert not folder.is_intact("error.txt")


def test_images_may_lie_in_a_folder_of_any_name(tmp_path):
    path = "/data/a\tb" + 1000 * "c"
    folder = TrialFolder(tmp_path)
    folder.claim(make_trial(), make_environment(data=path))
    environment = folder.environment()
    assert environment
    assert environment.data == path


def test_evaluations_beside_a_training_are_noted_for_its_attempt_and_in_words(tmp_path):
    folder = ExperimentFolder(tmp_path).trial("moco")
    token = folder.claim(make_trial(), make_environment())
    assert not folder.environment().evaluated_beside
    folder.note_evaluated_beside(token)
    folder.note_evaluated_beside(token)
    assert folder.environment() == make_environment(evaluated_beside=True)
    assert "1 trial at a time, evaluations beside training; torch" in frames.machines(ExperimentFolder(tmp_path))[0]
    folder.claim(make_trial(), make_environment())
    assert not folder.environment().evaluated_beside
    with pytest.raises(Superseded):
        folder.note_evaluated_beside(token)
