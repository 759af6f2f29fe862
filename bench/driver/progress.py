"""What a user sees while trials run: one live table in a terminal, plain lines elsewhere."""

import sys
import time
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from bench.experiment.trials import Trial
from bench.training.events import Event

PLAIN_SECONDS = 10.0  # between plain lines about trials that are running
CREDIBLE_SECONDS = 10.0  # of training, before the time left is told
GOING = ("waiting", "running", "evaluating")
SHOWN = 20  # rows of the live table


@dataclass
class Seen:
    """The last that was heard of a trial."""

    label: str
    state: str = "waiting"
    step: int = 0
    from_step: int = 0
    steps: int = 0
    epoch: float = 0.0
    loss: float | None = None
    score: float | None = None
    images_per_second: float | None = None
    reason: str | None = None

    def update(self, event: Event) -> None:
        for name in ("step", "steps", "epoch", "loss", "score", "images_per_second", "reason"):
            if event.get(name) is not None:
                setattr(self, name, event[name])
        if event["kind"] == "start":
            self.from_step = event["step"]
        kind = event["kind"]
        self.state = event["state"] if kind == "end" else kind if kind == "evaluating" else "running"


class Progress:
    """Shows events of trials; use as a context manager, and call with (trial id, event)."""

    def __init__(self, trials: list[Trial], console: Console | None = None) -> None:
        self.seen = {trial.id: Seen(f"{trial.label} s{trial.spec['seed']}") for trial in trials}
        self.console = console or Console(file=sys.stdout)
        self.started = self.printed = time.monotonic()
        self.moving: float | None = None  # when the first step was seen: starting Ray says nothing of the pace
        self.live = Live(get_renderable=self._render, console=self.console, refresh_per_second=2)

    def __enter__(self) -> "Progress":
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self.console.is_terminal:
            self.live.stop()

    def __call__(self, trial: str, event: Event) -> None:
        seen = self.seen[trial]
        seen.update(event)
        if self.moving is None and event["kind"] != "start":
            self.moving = time.monotonic()
        for warning in event.get("warnings", []):
            self.console.print(f"warning: {warning}", markup=False, soft_wrap=True)
        if self.console.is_terminal:
            return
        now = time.monotonic()
        if event["kind"] == "end":
            reason = f": {seen.reason}" if seen.reason else ""
            print(f"{seen.label}: {seen.state}{reason}{_score(seen)}  [{self.overall()}]", flush=True)
        elif event["kind"] == "start" and event["step"]:
            print(f"{seen.label}: goes on from step {event['step']} of {event['steps']}", flush=True)
        elif event["kind"] != "start" and now - self.printed > PLAIN_SECONDS:
            self.printed = now
            what = ", evaluating" if seen.state == "evaluating" else ""
            loss = "" if seen.loss is None else f", loss {_number(seen.loss)}"  # none before the first evaluation ends
            print(f"{seen.label}: epoch {seen.epoch:.1f}{what}{loss}{_score(seen)}", flush=True)

    def overall(self) -> str:
        """'7 of 18 trials, 1:02 so far, about 1:40 left'; the time left from the share of steps taken so far."""
        going = [s for s in self.seen.values() if s.state in GOING]
        ended = len(self.seen) - len(going)
        elapsed = time.monotonic() - self.started
        known = max((s.steps for s in self.seen.values()), default=0)
        total = sum((s.steps or known) - s.from_step for s in self.seen.values())
        # A trial that ended early (diverged, failed) has no steps left to take.
        left = sum((s.steps or known) - s.step for s in going)
        text = f"{ended} of {len(self.seen)} trials, {_clock(elapsed)} so far"
        moving = time.monotonic() - (self.moving or time.monotonic())
        if 0 < left < total and moving > CREDIBLE_SECONDS:
            text += f", about {_clock(moving * left / (total - left))} left"
        return text

    def _render(self) -> Group:
        table = Table(box=None, pad_edge=False, title_justify="left")
        for heading in ("trial", "state", "epoch", "loss", "distance", "images/s"):
            table.add_column(heading, justify="left" if heading in ("trial", "state") else "right")
        order = {"running": 0, "evaluating": 0, "waiting": 2}
        for seen in sorted(self.seen.values(), key=lambda s: order.get(s.state, 1))[:SHOWN]:
            epoch = f"{seen.epoch:.1f}" if seen.step else ""
            speed = f"{seen.images_per_second:,.0f}" if seen.images_per_second else ""
            table.add_row(escape(seen.label), seen.state, epoch, _number(seen.loss), _number(seen.score), speed)
        hidden = len(self.seen) - SHOWN
        return Group(table, *([f"... and {hidden} more"] if hidden > 0 else []), self.overall())


def _score(seen: Seen) -> str:
    return "" if seen.score is None else f", distance {_number(seen.score)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
