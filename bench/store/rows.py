"""What rows of a training must hold, at least, for tables to be made of them: checked where they are read."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.types as kinds

from bench.io.untrusted import Malformed
from bench.metrics.columns import STAMPS, parse

TEXTS = {
    "reference_split": re.compile(r"train|validation|test"),
    "preprocessing": re.compile(r"[\w ,.-]{1,100}"),
    "extractor": re.compile(r"\w{1,40}"),
    "extractor_sha256": re.compile(r"\w{1,64}"),
    "extractor_precision": re.compile(r"\w{1,40}"),
    "sampler": re.compile(r"prior|gmm"),
}
WHOLE = ("step", "images_seen", "parameters", "sampling_seed", "n_generated", "n_real", "n_floor", "n_neighbours")
MOST = 2**53


def validate(table: pa.Table, origin: object) -> pa.Table:
    """The table; Malformed, with the first reason, where it cannot be one of a training."""
    why = _wrong(table) if len(table) else None
    if why:
        raise Malformed(origin, f"is no table of a training ({why})")
    return table


def _wrong(table: pa.Table) -> str | None:
    if "step" not in table.column_names:
        return "it has no step"
    for name in table.column_names:
        why = _wrong_column(name, table[name])
        if why:
            return why
    return _unstamped(table)


def _wrong_column(name: str, values: pa.ChunkedArray) -> str | None:
    kind = values.type
    if kinds.is_string(kind) or kinds.is_large_string(kind):
        found = [value for value in values.unique().to_pylist() if value is not None]
        pattern = TEXTS.get(name)
        if pattern is None or not all(pattern.fullmatch(value) for value in found):
            return f"{name} says something else"
    elif name in TEXTS and not kinds.is_null(kind):
        return f"{name} is {kind}"
    elif name in WHOLE and not kinds.is_null(kind):
        numbers = values.to_numpy()[~_missing(values)]
        if not all((numbers >= 0) & (numbers < MOST)):
            return f"{name} is no number of things"
    return None


def _unstamped(table: pa.Table) -> str | None:
    """Of what measures generated images it must be known how."""
    missing = {name: _missing(table[name]) for name in table.column_names}
    if missing["step"].any():
        return "a step is missing"
    nothing = np.ones(len(table), bool)
    for name in table.column_names:
        column = parse(name)
        needed = [*STAMPS, "n_floor", *(["n_neighbours"] if column and column.metric == "precision" else [])]
        for stamp in needed if column else []:
            if (~missing[name] & missing.get(stamp, nothing)).any():
                return f"{name} has no {stamp}"
    return None


def _missing(values: pa.ChunkedArray) -> np.ndarray:
    """Where nothing is said: pandas writes nothing or NaN."""
    return values.is_null(nan_is_null=True).to_numpy()
