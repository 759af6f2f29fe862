"""Progress of one long piece of work: a bar in a terminal, a line every ten seconds elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_SECONDS = 10.0


class Track:
    """Call with how many more are done."""

    def __init__(self, what: str, total: int, done: int, bar: Progress | None) -> None:
        self.what, self.total, self.done, self.bar = what, total, done, bar
        self.task = bar.add_task(what, total=total, completed=done) if bar else None
        self.printed = time.monotonic()

    def __call__(self, more: int) -> None:
        self.done += more
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=self.done)
        elif time.monotonic() - self.printed > PLAIN_SECONDS:
            self.printed = time.monotonic()
            print(f"{self.what}: {self.done:,} of {self.total:,} ({self.done / self.total:.0%})", flush=True)


@contextmanager
def track(what: str, total: int, done: int = 0) -> Iterator[Track]:
    """Show how far `what` is, from `done` to `total`."""
    console = Console(file=sys.stdout)
    if not console.is_terminal:
        yield Track(what, total, done, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield Track(what, total, done, bar)
