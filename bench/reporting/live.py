"""The page of an experiment that is still training: only index.html, replaced atomically.

Static figures take most of the time that a report takes. They are left out, unless the page is light.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.errors import muted
from bench.io.files import write_atomically
from bench.reporting import build, merge
from bench.reporting.contents import Contents, limited_to
from bench.reporting.table import Table
from bench.store.folders import ExperimentFolder


@dataclass(frozen=True)
class Status:
    """What a run is doing.

    Attributes:
        text: what has finished, what is running, and when it ends.
        trials: the trials that are running or waiting.
        written: seconds since 1970 at which the page is written.
        next: seconds until the next page is expected.
    """

    text: str
    trials: Table
    written: float
    next: float


def write(folder: ExperimentFolder, status: Status, page: Path | None = None) -> Path:
    """Write the page of the trials so far, and return its path. What is damaged is left out without a warning.

    Args:
        folder: the experiment.
        status: what its run is doing.
        page: where to write; the folder's own page if None.
    """
    page = page or folder.page
    with tempfile.TemporaryDirectory() as scratch, muted():
        group = merge.load_one(folder)
        light = group.description.report.light  # then static figures are all that there is
        with limited_to(Contents.figures if light else Contents.sections):
            content = build.page_of([group], Path(scratch), status)
    page.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(page, content.encode())
    return page
