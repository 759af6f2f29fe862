"""Groups of made-up trials, for what is shown of them."""

import pandas as pd
from specimens import make_description

from bench.reporting.group import Group
from bench.reporting.table import Grid


def group_of(rows: pd.DataFrame, trials: pd.DataFrame) -> Group:
    """A group without folders. What `trials` lacks is filled in: nothing ran anywhere."""
    blank = {"reason": None, "resumed": 0, "folder": "gone", "experiment": "nowhere", "machine": None, "at_once": None}
    blank |= {"began": None, "ended": None}
    trials = trials.assign(**{name: value for name, value in blank.items() if name not in trials})
    return Group("digits", [], trials, rows, make_description(samples=1000))


def cells(grid: Grid, variant: str) -> list[str]:
    """The texts of one variant's row."""
    return next([cell.text for cell in row] for row in grid.rows if row[0].text == variant)
