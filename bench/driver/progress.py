"""Progress output while trials run: a live table in a terminal, plain lines elsewhere."""

import sys
import time
from dataclasses import dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from bench.errors import markup, plural, say, warn
from bench.experiment.specification import Trial
from bench.training.events import Ended, Evaluated, Evaluating, Event, Position, Progressed, Started

PLAIN_SECONDS = 10.0  # minimum time between plain lines about running trials
MIN_ESTIMATE_SECONDS = 10.0  # of training before the remaining time is estimated
WAITING, RUNNING, EVALUATING = "waiting", "running", "evaluating"
UNFINISHED = (WAITING, RUNNING, EVALUATING)
MAX_ROWS = 20  # of the live table


@dataclass
class TrialProgress:
    """The latest state of a trial.

    Attributes:
        from_step: first step of the current attempt.
    """

    label: str
    state: str = WAITING
    step: int = 0
    from_step: int = 0
    steps: int = 0
    epoch: float = 0.0
    loss: float | None = None
    score: float | None = None
    images_per_second: float | None = None
    reason: str | None = None

    def update(self, event: Event) -> None:
        """Update the fields from an event."""
        self.state = RUNNING
        match event:
            case Started():
                self.step = self.from_step = event.step
                self.steps = event.steps or 0
            case Progressed():
                self._move(event.position)
                self.loss = self.loss if event.loss is None else event.loss
            case Evaluating():
                self._move(event.position)
                self.state = EVALUATING
            case Evaluated():
                self._move(event.position)
                self.loss, self.score = event.loss, event.score
            case Ended():
                self.state = event.state
                self.reason = event.reason or self.reason

    def _move(self, position: Position) -> None:
        if position.step < self.step:  # of an evaluation beside the training, which has gone on
            return
        self.step, self.epoch = position.step, position.epoch
        self.images_per_second = position.images_per_second


class Progress:
    """Shows the events of trials. It is a context manager; call it with the id of a trial and an event."""

    def __init__(self, trials: list[Trial], console: Console | None = None) -> None:
        self.trials = {trial.id: TrialProgress(f"{trial.label} s{trial.spec.seed}") for trial in trials}
        self.console = console or Console(file=sys.stdout)
        self.started = self.printed = time.monotonic()
        self.first_event: float | None = None  # time of the first event after `Started`; excludes the start of Ray
        self.live = Live(get_renderable=self._render, console=self.console, refresh_per_second=2)

    def __enter__(self) -> "Progress":
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal:
            self.live.stop()

    def __call__(self, trial: str, event: Event) -> None:
        """Show one event of the trial with this id."""
        progress = self.trials[trial]
        progress.update(event)
        if isinstance(event, Started | Ended):
            for warning in event.warnings:
                warn(warning)
        if not isinstance(event, Started) and self.first_event is None:
            self.first_event = time.monotonic()
        if not self.console.is_terminal:
            self._print(progress, event)

    def _print(self, progress: TrialProgress, event: Event) -> None:
        now = time.monotonic()
        if isinstance(event, Ended):
            reason = f": {progress.reason}" if progress.reason else ""
            say(f"{progress.label}: {progress.state}{reason}{_score(progress)}  [{self.overall()}]")
        elif isinstance(event, Started):
            if event.step:
                end = f" of {event.steps}" if event.steps else ""
                say(f"{progress.label}: resumes from step {event.step}{end}")
        elif now - self.printed > PLAIN_SECONDS:
            self.printed = now
            activity = ", evaluating" if progress.state == EVALUATING else ""
            loss = "" if progress.loss is None else f", loss {_number(progress.loss)}"
            say(f"{progress.label}: epoch {progress.epoch:.1f}{activity}{loss}{_score(progress)}")

    def overall(self) -> str:
        """Summarise all trials: '7 of 18 trials, 1:02 so far, about 1:40 left'."""
        trials, left = self.trials.values(), self.seconds_left()
        ended = sum(trial.state not in UNFINISHED for trial in trials)
        text = f"{ended} of {plural(len(trials), 'trial')}, {_clock(time.monotonic() - self.started)} so far"
        return text if left is None else f"{text}, about {_clock(left)} left"

    def seconds_left(self) -> float | None:
        """Extrapolate the remaining time from the rate of steps so far; None if it is too early or nothing is left."""
        trials = self.trials.values()
        unfinished = [trial for trial in trials if trial.state in UNFINISHED]
        default = max((trial.steps for trial in trials), default=0)  # for trials that have not started
        total = sum((trial.steps or default) - trial.from_step for trial in trials)
        # A trial that ended early (diverged, failed) has no steps left.
        left = sum((trial.steps or default) - trial.step for trial in unfinished)
        training = time.monotonic() - (self.first_event or time.monotonic())
        if 0 < left < total and training > MIN_ESTIMATE_SECONDS:
            return training * left / (total - left)
        return None

    def _render(self) -> Group:
        table = Table(box=None, pad_edge=False, title_justify="left")
        for heading in ("trial", "state", "epoch", "loss", "distance", "images/s"):
            table.add_column(heading, justify="left" if heading in ("trial", "state") else "right")
        order = {RUNNING: 0, EVALUATING: 0, WAITING: 2}
        for trial in sorted(self.trials.values(), key=lambda trial: order.get(trial.state, 1))[:MAX_ROWS]:
            epoch = f"{trial.epoch:.1f}" if trial.step else ""
            speed = f"{trial.images_per_second:,.0f}" if trial.images_per_second else ""
            row = (markup(trial.label), trial.state, epoch, _number(trial.loss), _number(trial.score), speed)
            table.add_row(*row)
        hidden = len(self.trials) - MAX_ROWS
        return Group(table, *([f"... and {hidden} more"] if hidden > 0 else []), self.overall())


def _score(progress: TrialProgress) -> str:
    return "" if progress.score is None else f", distance {_number(progress.score)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
