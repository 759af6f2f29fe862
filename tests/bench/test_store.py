import json
import multiprocessing
import time

import pytest

from bench.errors import RunError
from bench.store import Damaged, ExperimentFolder, Folder, Superseded, TrialFolder, write_atomically

ROWS = [{"step": 1, "value": 0.5}, {"step": 2, "value": 0.25}]


def claimed(path) -> tuple[TrialFolder, str]:
    folder = TrialFolder(path)
    return folder, folder.claim({"id": "x"}, {})


def test_files_come_back_as_written_and_damage_is_noticed(tmp_path):
    folder = Folder(tmp_path)
    folder.write("a.bin", b"first")
    folder.write("a.bin", b"second")
    assert folder.read("a.bin") == b"second"
    (tmp_path / "a.bin").write_bytes(b"secoMd")
    with pytest.raises(Damaged, match=r"a\.bin is damaged"):
        folder.read("a.bin")


def test_nothing_is_left_beside_the_file_and_unwritable_places_are_named(tmp_path):
    write_atomically(tmp_path / "deep" / "a.bin", b"x")
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["a.bin"]
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "full").mkdir()
    with pytest.raises(RunError, match="cannot write"):
        write_atomically(tmp_path / "b", b"x")
    assert not list(tmp_path.glob(".*"))


def write_for_ever(path):
    folder = Folder(path)
    for i in range(10**9):
        folder.write("a.bin", str(i).encode() * 10000)


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path):
    for delay in (0.05, 0.11, 0.17):
        writer = multiprocessing.get_context("spawn").Process(target=write_for_ever, args=(tmp_path,))
        writer.start()
        while not (tmp_path / "a.bin").exists():
            time.sleep(0.01)
        time.sleep(delay)
        writer.kill()
        writer.join()
        data = Folder(tmp_path).read("a.bin")
        assert len({data[i : i + len(data) // 10000] for i in range(0, len(data), len(data) // 10000)}) == 1


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, capsys):
    folder, token = claimed(tmp_path)
    folder.save(token, b"one", ROWS[:1])
    folder.save(token, b"two", ROWS)
    assert folder.checkpoints() == [b"two", b"one"]
    (tmp_path / "checkpoint.pt").write_bytes(b"tw")
    assert folder.checkpoints() == [b"one"]
    assert "checkpoint.pt is damaged" in capsys.readouterr().out
    assert folder.rows().to_dict("records") == ROWS


def test_a_kill_between_note_and_move_leaves_a_valid_checkpoint(tmp_path, monkeypatch):
    folder, token = claimed(tmp_path)
    folder.save(token, b"one", ROWS[:1])

    def killed(self, target):
        if self.name.startswith(".checkpoint.pt"):
            raise KeyboardInterrupt
        return self.rename(target)

    monkeypatch.setattr("pathlib.Path.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        folder.save(token, b"two", ROWS)
    monkeypatch.undo()
    assert folder.checkpoints()[0] == b"one"


def test_who_has_lost_a_trial_cannot_write_to_it(tmp_path):
    folder, orphan = claimed(tmp_path)
    token = folder.claim({"id": "x"}, {})
    for write in (
        lambda: folder.save(orphan, b"late", ROWS),
        lambda: folder.finish(orphan, "done"),
        lambda: folder.resumed(orphan, 3),
    ):
        with pytest.raises(Superseded):
            write()
    folder.save(token, b"mine", ROWS)
    folder.finish(token, "done")
    assert folder.checkpoints() == [b"mine"]
    assert folder.status()["state"] == "done"


def test_status_counts_attempts_and_keeps_the_reason(tmp_path):
    folder, token = claimed(tmp_path)
    assert folder.status()["state"] == "running"
    folder.finish(token, "diverged", "loss is nan at step 3")
    token = folder.claim({"id": "x"}, {})
    folder.resumed(token, 7)
    status = folder.status()
    assert (status["state"], status["reason"]) == ("running", None)
    assert [attempt["from_step"] for attempt in status["attempts"]] == [None, 7]


def test_an_empty_experiment_has_no_trials_and_no_description(tmp_path):
    experiment = ExperimentFolder(tmp_path)
    assert experiment.trials() == []
    assert experiment.description() == {}
    experiment.trial("a-s0-1").claim({"id": "1"}, {})
    assert [folder.path.name for folder in experiment.trials()] == ["a-s0-1"]
    assert json.loads((tmp_path / "trials" / "a-s0-1" / "spec.json").read_text()) == {"id": "1"}
