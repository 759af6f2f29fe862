import math

import pandas as pd
import pytest
from groups import cells, group_of
from rich.console import Console
from specimens import make_trial, position

from bench.analysis import across_seeds
from bench.driver.progress import Progress, TrialProgress
from bench.experiment.specification import Trial
from bench.reporting import build, curve_figures, metric_tables, phrases, render
from bench.reporting.notes import failures
from bench.store.states import State
from bench.training.events import Ended, Evaluated, Evaluating, Progressed, Started

STAMP = {
    "n_generated": 1000,
    "n_real": 400,
    "n_floor": 1000,
    "reference_split": "test",
    "extractor": "classifier",
    "extractor_precision": "fp32",
    "sampler": "prior",
}


def frames(states=("done", "done", "done"), stale=(False, False, False)):
    """Three seeds of method m; `fd_classifier_1k` is 10, 20, 30 at the last step and 1 before."""
    trials = pd.DataFrame(
        {
            "trial": ["a", "b", "c"],
            "method": "m",
            "variant": "m",
            "prior": "normal",
            "seed": [0, 1, 2],
            "state": states,
            "reason": [None if state == "done" else "why" for state in states],
            "stale": stale,
        }
    )
    records = [
        {"trial": t, "method": "m", "variant": "m", "prior": "normal", "seed": s, "step": step, "images_seen": step,
         "train_seconds": step / 10, "fd_classifier_1k": value, "fd_classifier_1k_floor": 0.5, **STAMP}
        for s, t in enumerate("abc")
        for step, value in ((5, 1.0), (9, 10.0 * (s + 1)))
    ]  # fmt: skip
    return pd.DataFrame(records), trials


def test_headlines_are_of_the_last_row_never_of_the_best():
    summary = across_seeds.summarise(*frames()).iloc[0]
    assert (summary["fd_classifier_1k_mean"], summary["fd_classifier_1k_min"], summary["fd_classifier_1k_max"]) == (
        20,
        10,
        30,
    )
    assert summary["fd_classifier_1k_sd"] == pytest.approx(10)
    assert not [column for column in summary.index if column.startswith(("n_real", "fd_classifier_1k_floor"))]


def test_trials_that_did_not_finish_are_counted_not_averaged():
    summary = across_seeds.summarise(*frames(("done", "diverged", "failed"))).iloc[0]
    assert (summary["seeds"], summary["done"], summary["diverged"], summary["failed"]) == (3, 1, 1, 1)
    assert summary["fd_classifier_1k_mean"] == 10
    (table,) = metric_tables.tables(group_of(*frames(("done", "diverged", "failed"))))
    assert cells(table, "m")[2:4] == ["1 of 3 (1 diverged, 1 failed)", "10"]


def test_stale_trials_are_neither_averaged_nor_counted_as_done():
    summary = across_seeds.summarise(*frames(stale=(True, False, False))).iloc[0]
    assert (summary["done"], summary["stale"], summary["fd_classifier_1k_mean"]) == (2, 1, 25)


def test_a_variant_of_which_nothing_finished_is_a_row_all_the_same():
    rows, trials = frames(("failed", "failed", "failed"))
    group = group_of(rows.iloc[:0], trials)
    assert len(group.summary) == 1
    assert [failure.reason for failure in failures(group)] == ["why"] * 3
    assert "- `m` seed 1 failed: why" in build.appendix(group)


def test_a_table_has_the_mean_its_interval_and_each_seed_and_says_what_few_seeds_are_worth():
    group = group_of(*frames())
    (table,) = metric_tables.tables(group)
    half = 4.302652729911275 * 10 / math.sqrt(3)  # Student's t of 2 degrees of freedom, from a table
    assert cells(table, "m")[3:] == [f"20 ± {half:.2g}", "10, 20, 30"]
    assert "| `m` | normal | 3 | 20 ± 25 | 10, 20, 30 |" in render.markdown(table)
    assert "no other variant to compare with" in table.about
    rows, trials = (pd.concat([frame, frame.assign(variant="n", trial=frame["trial"] + "n")]) for frame in frames())
    assert "Fewer than 5 seeds (all variants) cannot show a difference" in phrases.bold_note(group_of(rows, trials))


@pytest.mark.draws
def test_figures_are_png_and_pdf_with_their_data_also_with_a_trial_that_ended_early(tmp_path):
    rows, trials = frames()
    rows = rows.drop(rows[(rows["trial"] == "b") & (rows["step"] == 9)].index)
    group = group_of(rows, trials)
    (figure,) = curve_figures.curves(group, tmp_path, {"fd_classifier_1k": "a protocol"})
    assert figure.caption.endswith("a protocol")
    path = tmp_path / figure.name
    assert path.with_suffix(".png").stat().st_size > 5000
    assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    shown = pd.read_csv(path.with_suffix(".csv"))
    assert sorted(shown["fd_classifier_1k"]) == [1, 1, 1, 10, 30]


@pytest.mark.draws
def test_nothing_of_a_figure_of_curves_is_cut_off(tmp_path, monkeypatch):
    """The longest axis labels must fit too."""
    rows, trials = frames()
    rows = rows.rename(columns={"fd_classifier_1k": "fd_rotation_1k [sampler=gmm, split=test]"})
    drawn = []
    monkeypatch.setattr(curve_figures, "save", lambda canvas, *_: drawn.append(canvas))
    curve_figures.curves(group_of(rows, trials), tmp_path, {})
    (canvas,) = drawn
    canvas.draw_without_rendering()
    whole, used = canvas.bbox_inches, canvas.get_tightbbox()
    assert used.x0 >= whole.x0
    assert used.y0 >= whole.y0
    assert used.x1 <= whole.x1
    assert used.y1 <= whole.y1


def trial(seed: int) -> Trial:
    return make_trial("moco[weight=1.0]", seed)


def test_plain_lines_without_a_terminal(capsys):
    one, two = trial(0), trial(1)
    with Progress([one, two], Console(force_terminal=False)) as progress:
        progress(one.id, Started(40, 100))
        progress(one.id, Evaluated(position(100, 5.0), 2.0, 3.25))
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
        progress(one.id, Evaluated(position(50, 2.5, 1234.5), 2.0, 3.25))
        console.print(progress._render())
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
    """With 2,000 trials a line would take a second, and printing all of them longer than the training."""

    def refuse(*_):
        raise AssertionError("two trials are compared")

    monkeypatch.setattr(TrialProgress, "__eq__", refuse)
    trials = [trial(seed) for seed in range(20)]
    progress = Progress(trials, Console(force_terminal=False))
    for one in trials[:10]:
        progress(one.id, Ended(State.done, None))
    assert progress.overall().startswith("10 of 20 trials")
