"""Rebuilds the page of an experiment while it trains, at no more than a fixed share of the run's time."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bench.driver.progress import EVALUATING, RUNNING, WAITING, Progress
from bench.errors import plural, reason, say, warn
from bench.io.files import display_path
from bench.store.folders import ExperimentFolder
from bench.training.events import Ended, Evaluated, Event

if TYPE_CHECKING:
    from bench.reporting.live import Status

SHARE = 0.02  # of the run's time
FIRST_COST = 1.0  # s; assumed of the first page
MOST_LISTED = 50  # trials

Write = Callable[[ExperimentFolder, "Status", Path], Path]
SEARCHING = "The search comes first; the experiment begins when it ends"


class LivePage:
    """Writes the page after evaluations, when it is due. Call it with each event, after `progress`.

    It writes between two events, off the clock of trials that train in this process. A page that cannot be written
    costs a warning, and is not tried again.

    Attributes:
        before: the experiment that the trials come before, if they are a search; the page is then its page.
        spent: seconds that pages have taken so far.
        cost: seconds that the next one is expected to take.
    """

    def __init__(
        self,
        folder: ExperimentFolder,
        progress: Progress,
        before: ExperimentFolder | None = None,
        write: Write | None = None,
    ) -> None:
        self.folder, self.progress, self.before, self.write = folder, progress, before, write or _write
        self.started, self.spent, self.cost = time.monotonic(), 0.0, FIRST_COST
        self.is_on = True

    def __call__(self, event: Event) -> None:
        """Write the page if this event brings something new and the page is due."""
        if self.is_on and isinstance(event, Evaluated | Ended) and self._is_due():
            self._rebuild()

    def _is_due(self) -> bool:
        return self.spent + self.cost <= SHARE * (time.monotonic() - self.started)

    def _rebuild(self) -> None:
        began, is_first = time.monotonic(), self.spent == 0
        try:
            page = self.write(self.folder, self._status(), (self.before or self.folder).page)
        except Exception as error:  # whatever is wrong with a page must not end the training
            self.is_on = False
            warn(f"the page is not rebuilt while the run trains: {reason(error)}")
            return
        finally:
            self.cost = max(time.monotonic() - began, 1e-3)
            self.spent += self.cost
        if is_first:
            say(f"page so far, rebuilt while the run trains: {display_path(page)}")

    def _status(self) -> "Status":
        from bench.reporting.live import Status
        from bench.reporting.table import Table, number, word

        order = {EVALUATING: 0, RUNNING: 0, WAITING: 1}
        unfinished = [trial for trial in self.progress.trials.values() if trial.state in order]
        listed = sorted(unfinished, key=lambda trial: order[trial.state])[:MOST_LISTED]
        rows = [
            [word(t.label), word(t.state), number(t.epoch), word(f"{t.step / max(t.steps, 1):.0%}"), number(t.score)]
            for t in listed
        ]
        running = sum(trial.state != WAITING for trial in unfinished)
        title = f"{plural(running, 'trial')} running, {len(unfinished) - running} waiting"
        headings = ["trial", "state", "epoch", "trained", "distance so far"]
        stage = f"{SEARCHING}. " if self.before else ""
        text = f"{stage}{self.progress.overall()}{self._end()}. Written {datetime.now():%H:%M:%S}."
        return Status(text, Table("running", title, headings, rows, words=2), time.time(), self.cost / SHARE)

    def _end(self) -> str:
        left = self.progress.seconds_left()
        return "" if left is None else f", until about {datetime.now() + timedelta(seconds=left):%a %H:%M}"


def _write(folder: ExperimentFolder, status: "Status", page: Path) -> Path:
    from bench.reporting import live  # imported late: it imports pandas and matplotlib

    return live.write(folder, status, page)
