"""Validation of the rows of a training when they are read: the minimum that reports need."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.types as types

from bench.io.untrusted import Malformed
from bench.metrics.columns import STAMPS, parse

TEXTS = {
    "reference_split": re.compile(r"train|validation|test|train_and_validation"),
    "preprocessing": re.compile(r"[\w ,.-]{1,100}"),
    "extractor": re.compile(r"\w{1,40}"),
    "extractor_sha256": re.compile(r"\w{1,64}"),
    "extractor_precision": re.compile(r"\w{1,40}"),
    "sampler": re.compile(r"[a-z][a-z0-9_]{0,99}"),
}
COUNTS = (
    *("step", "images_seen", "parameters", "sampling_seed"),
    *("n_generated", "n_real", "n_floor", "n_neighbours", "n_training"),
)
MAX_COUNT = 2**53


def validate(table: pa.Table, origin: object) -> pa.Table:
    """Return the table, if it can be that of a training.

    Raises:
        Malformed: it cannot; the message names `origin` and the first problem.
    """
    problem = _problem(table) if len(table) else None
    if problem:
        raise Malformed(origin, f"is not a table of training rows ({problem})")
    return table


def _problem(table: pa.Table) -> str | None:
    if "step" not in table.column_names:
        return "it has no column step"
    for name in table.column_names:
        problem = _column_problem(name, table[name])
        if problem:
            return problem
    return _stamp_problem(table)


def _column_problem(name: str, values: pa.ChunkedArray) -> str | None:
    dtype = values.type
    if types.is_string(dtype) or types.is_large_string(dtype):
        texts = [value for value in values.unique().to_pylist() if value is not None]
        pattern = TEXTS.get(name)
        if pattern is None or not all(pattern.fullmatch(text) for text in texts):
            return f"{name} has an unexpected text"
    elif name in TEXTS and not types.is_null(dtype):
        return f"{name} is {dtype}"
    elif name in COUNTS and not types.is_null(dtype):
        numbers = values.to_numpy()[~_missing(values)]
        if not all((numbers >= 0) & (numbers < MAX_COUNT)):
            return f"{name} is not a count"
    return None


def _stamp_problem(table: pa.Table) -> str | None:
    """Every metric of generated images needs the stamps that say how it was measured."""
    missing = {name: _missing(table[name]) for name in table.column_names}
    if missing["step"].any():
        return "a step is missing"
    all_missing = np.ones(len(table), bool)
    for name in table.column_names:
        column = parse(name)
        needed = [*STAMPS, "n_floor", *(["n_neighbours"] if column and column.metric == "precision" else [])]
        for stamp in needed if column else []:
            if (~missing[name] & missing.get(stamp, all_missing)).any():
                return f"{name} has no {stamp}"
    return None


def _missing(values: pa.ChunkedArray) -> np.ndarray:
    """Where values are missing. pandas writes null or NaN."""
    return values.is_null(nan_is_null=True).to_numpy()
