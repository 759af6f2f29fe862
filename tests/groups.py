"""Groups of made-up trials, for tests of tables and figures."""

import pandas as pd
from specimens import make_description

from bench.reporting.group import Group
from bench.reporting.table import Table


def group_of(rows: pd.DataFrame, trials: pd.DataFrame) -> Group:
    """A group without folders. Columns that `trials` lacks are filled in, as if no trial had an environment."""
    blank = {"reason": None, "resumed": 0, "folder": "gone", "experiment": "nowhere", "machine": None, "at_once": None}
    blank |= {"began": None, "ended": None}
    trials = trials.assign(**{name: value for name, value in blank.items() if name not in trials})
    return Group("digits", [], trials, rows, make_description(samples=1000))


def cells(table: Table, variant: str) -> list[str]:
    """The texts of one variant's row."""
    return next([cell.text for cell in row] for row in table.rows if row[0].text == variant)
