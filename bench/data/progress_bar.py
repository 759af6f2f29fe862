"""Progress of one long task: a bar in a terminal, otherwise a line every ten seconds."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.errors import say

PLAIN_SECONDS = 10.0


class ProgressTracker:
    """Shows progress. Call it with the number of newly finished items."""

    def __init__(self, description: str, total: int, done: int, bar: Progress | None) -> None:
        self.description, self.total, self.done, self.bar = description, total, done, bar
        self.task = bar.add_task(description, total=total, completed=done) if bar else None
        self.printed = time.monotonic()

    def __call__(self, newly_done: int) -> None:
        """Add to the finished items, and show them."""
        self.done += newly_done
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=self.done)
        elif time.monotonic() - self.printed > PLAIN_SECONDS:
            self.printed = time.monotonic()
            say(f"{self.description}: {self.done:,} of {self.total:,} ({self.done / self.total:.0%})")


@contextmanager
def track(description: str, total: int, done: int = 0) -> Iterator[ProgressTracker]:
    """Show the progress of a task of `total` items, of which `done` are finished already."""
    console = Console(file=sys.stdout)
    if not console.is_terminal:
        yield ProgressTracker(description, total, done, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield ProgressTracker(description, total, done, bar)
