"""How much of a report is built. Commands build all of it; tests leave out the slow parts."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import IntEnum


class Contents(IntEnum):
    """What a report contains; each level includes the smaller ones."""

    tables = 1  # CSV and Parquet files, and a page without sections
    sections = 2  # every table and section; each figure is a blank image
    figures = 3  # the figures themselves


_contents: ContextVar[Contents] = ContextVar("contents", default=Contents.figures)


def contents() -> Contents:
    """Return the level at which reports are currently built."""
    return _contents.get()


@contextmanager
def limited_to(level: Contents) -> Iterator[None]:
    """Build reports at this level inside the context."""
    token = _contents.set(level)
    try:
        yield
    finally:
        _contents.reset(token)
