"""When the page of a run is rebuilt, and what it says of the run."""

from pathlib import Path

import pytest
from rich.console import Console
from specimens import make_trial, position

from bench.driver import live_page as module
from bench.driver.live_page import SHARE, LivePage
from bench.driver.options import live_page as is_live
from bench.driver.progress import Progress
from bench.errors import UserError
from bench.store.folders import ExperimentFolder
from bench.store.states import State
from bench.training.events import Ended, Evaluated, Progressed, Started

EVALUATED = Evaluated(position(50, 5.0), 2.0, 3.25, 0.5)


class Clock:
    """A clock that only moves when it is told to."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def page(tmp_path, clock, seconds: float, error: Exception | None = None, before=None) -> tuple[LivePage, list]:
    """A page that takes `seconds` to write, and the statuses that were written."""
    written = []

    def write(_: ExperimentFolder, status, target: Path) -> Path:
        clock.now += seconds
        written.append(status)
        if error:
            raise error
        return target

    trials = [make_trial("moco", seed) for seed in range(3)]
    progress = Progress(trials, Console(force_terminal=False))
    progress(trials[0].id, Started(0, 100))
    progress(trials[0].id, EVALUATED)
    progress(trials[1].id, Ended(State.diverged, "loss is nan"))
    return LivePage(ExperimentFolder(tmp_path), progress, before, write), written


def test_the_page_of_a_search_is_that_of_the_experiment_that_it_comes_before(tmp_path, clock, capsys):
    """Its report is written there at the end: a page of the search's own would be a page of a run for ever."""
    before = ExperimentFolder(tmp_path / "exp")
    live, written = page(tmp_path / "exp" / "search", clock, seconds=1, before=before)
    clock.now += 1000
    live(EVALUATED)
    assert str(before.page) in capsys.readouterr().out.replace("\n", "")
    assert written[0].text.startswith("The search comes first")


def test_pages_take_at_most_their_share_of_the_run(tmp_path, clock):
    live, written = page(tmp_path, clock, seconds=3)
    for _ in range(10_000):
        clock.now += 1
        live(EVALUATED)
        assert live.spent <= SHARE * (clock.now - live.started) + 3  # the first page's cost is not known beforehand
    assert 50 < len(written) <= SHARE * clock.now / 3 + 1


def test_only_what_brings_something_new_rebuilds_the_page(tmp_path, clock):
    live, written = page(tmp_path, clock, seconds=1)
    clock.now = 1000
    live(Started(0, 100))
    live(Progressed(position(60, 6.0), 1.0))
    assert written == []
    live(Ended(State.done, None))
    assert len(written) == 1


def test_the_status_tells_what_is_running_and_what_is_left(tmp_path, clock):
    live, written = page(tmp_path, clock, seconds=1)
    clock.now = 1000
    live(EVALUATED)
    (status,) = written
    assert status.text.startswith("1 of 3 trials")
    assert status.trials.title == "1 trial running, 1 waiting"
    assert [[cell.text for cell in row] for row in status.trials.rows] == [
        ["moco s0", "running", "5", "50%", "3.25"],
        ["moco s2", "waiting", "0", "0%", "-"],
    ]


def test_a_page_that_cannot_be_written_costs_a_warning_and_nothing_else(tmp_path, clock, capsys):
    live, written = page(tmp_path, clock, seconds=1, error=OSError(28, "No space left on device"))
    for _ in range(5):
        clock.now += 1000
        live(EVALUATED)
    assert len(written) == 1
    assert capsys.readouterr().err == (
        "warning: the page is not rebuilt while the run trains: No space left on device\n"
    )


def test_the_default_is_on_in_a_terminal_without_an_object_store():
    store = object()
    assert is_live(None, None, is_terminal=True)
    assert not is_live(None, None, is_terminal=False)
    assert not is_live(None, store, is_terminal=True)
    assert is_live(True, None, is_terminal=False)
    assert not is_live(False, None, is_terminal=True)
    with pytest.raises(UserError, match=r"use bench\.pull and bench\.report"):
        is_live(True, store, is_terminal=False)
