"""What a run shows of its trials while they train."""

from rich.console import Console
from specimens import make_trial, position

from bench.driver.progress import Progress, TrialProgress
from bench.experiment.specification import Trial
from bench.store.states import State
from bench.training.events import Ended, Evaluated, Evaluating, Progressed, Started


def trial(seed: int) -> Trial:
    return make_trial("moco[weight=1.0]", seed)


def test_plain_lines_without_a_terminal(capsys):
    one, two = trial(0), trial(1)
    with Progress([one, two], Console(force_terminal=False)) as progress:
        progress(one.id, Started(40, 100))
        progress(one.id, Evaluated(position(100, 5.0), 2.0, 3.25, 0.5))
        progress(one.id, Ended(State.done, None))
        progress(two.id, Started(0, 100))
        progress(two.id, Ended(State.diverged, "loss is nan at step 3"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "moco[weight=1.0] s0: resumes from step 40 of 100"
    assert lines[1].startswith("moco[weight=1.0] s0: done, distance 3.25  [1 of 2 trials, 0:0")
    assert lines[2].startswith("moco[weight=1.0] s1: diverged: loss is nan at step 3  [2 of 2 trials")


def test_a_line_before_anything_was_measured_says_no_loss(capsys, monkeypatch):
    one = trial(0)
    with Progress([one], Console(force_terminal=False)) as progress:
        monkeypatch.setattr(progress, "printed", -1e9)
        progress(one.id, Evaluating(position(1, 0.1)))
    assert capsys.readouterr().out.splitlines()[0] == "moco[weight=1.0] s0: epoch 0.1, evaluating"


def test_one_live_table_in_a_terminal():
    one, two = trial(0), trial(1)
    console = Console(force_terminal=True, width=120, record=True)
    with Progress([one, two], console) as progress:
        progress(one.id, Started(0, 100))
        progress(one.id, Evaluated(position(50, 2.5, 1234.5), 2.0, 3.25, 0.5))
    shown = console.export_text()
    for text in ("moco[weight=1.0] s0", "running", "2.5", "3.25", "1,234", "waiting", "0 of 2 trials"):
        assert text in shown, text


def test_the_time_left_comes_from_the_share_of_steps_taken(monkeypatch):
    one, two = trial(0), trial(1)
    progress = Progress([one, two], Console(force_terminal=False))
    now = progress.started + 20  # Ray took that long to start, which says nothing of the pace
    monkeypatch.setattr("time.monotonic", lambda: now)
    progress(one.id, Started(0, 100))
    progress(one.id, Progressed(position(1, 0.1), None))
    now += 5
    assert progress.overall() == "0 of 2 trials, 0:25 so far"
    progress(one.id, Progressed(position(50, 1.0), None))
    now += 25
    assert progress.overall() == "0 of 2 trials, 0:50 so far, about 1:30 left"


def test_no_trial_is_compared_with_all_others(monkeypatch):
    """With 2,000 trials, comparisons would take a second for every printed line."""

    def refuse(*_):
        raise AssertionError("two trials are compared")

    monkeypatch.setattr(TrialProgress, "__eq__", refuse)
    trials = [trial(seed) for seed in range(20)]
    progress = Progress(trials, Console(force_terminal=False))
    for one in trials[:10]:
        progress(one.id, Ended(State.done, None))
    assert progress.overall().startswith("10 of 20 trials")


def test_the_row_of_an_evaluation_beside_the_training_moves_no_trial_backwards():
    progress = TrialProgress("moco", steps=100)
    progress.update(Progressed(position(60, 3.0), 2.0))
    progress.update(Evaluated(position(50, 2.5), 2.5, 3.25, 0.5))
    assert (progress.step, progress.epoch, progress.score) == (60, 3.0, 3.25)
