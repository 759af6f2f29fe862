"""CSV for spreadsheets: no cell is a formula, whatever it was given."""

import re

import pandas as pd

# What spreadsheets take for the start of a formula; the last four are the wide forms.
FORMULA = re.compile(r"[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
NUMBERS = re.compile(r"[+-]?(inf|[\d.,\s\u00b1%eE+\-\[\]()]*)")


def cell(text: str) -> str:
    """Return the text of a cell; an apostrophe before it if a spreadsheet would compute it. Numbers are unchanged."""
    return f"'{text}" if FORMULA.match(text) and not NUMBERS.fullmatch(text) else text


def to_csv(frame: pd.DataFrame) -> bytes:
    """Return a frame as CSV with a heading and without its index."""
    safe = frame.rename(columns=lambda name: cell(str(name)))
    for column in safe.columns[[not pd.api.types.is_numeric_dtype(dtype) for dtype in safe.dtypes]]:
        safe[column] = safe[column].map(lambda value: cell(value) if isinstance(value, str) else value)
    return safe.to_csv(index=False).encode()
