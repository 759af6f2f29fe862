"""CSV files that spreadsheets open: formulas stay text, numbers stay numbers."""

import io

import pandas as pd
import pytest

from bench.reporting.csv_text import cell, to_csv


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3+cmd|x", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1+1", "=HYPERLINK(1)"]
)
def test_formulas_become_text(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "-", "-0.5", "+3.2%", "-1e-05", "-0.1 [-0.2, 0.3]", "-inf", "mmd", "a=b"])
def test_numbers_and_words_are_unchanged(text):
    assert cell(text) == text


def test_a_frame_is_safe_in_cells_and_headings():
    frame = pd.DataFrame({"=x": ["=1", None], "n": [-1.5, 2.0], "seed": [1, 2], "m": ["-", "+x"]})
    assert to_csv(frame).decode().splitlines() == ["'=x,n,seed,m", "'=1,-1.5,1,-", ",2.0,2,'+x"]
    pd.testing.assert_series_equal(pd.read_csv(io.BytesIO(to_csv(frame)))["n"], frame["n"])
    assert list(frame.columns) == ["=x", "n", "seed", "m"]
