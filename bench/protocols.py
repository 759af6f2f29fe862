"""Values of different protocols never share a column: where they would, there is one column for each, labelled."""

import pandas as pd

from bench.columns import STAMPS, Column, parse

SHOWN = 8  # characters of a sha256


def separate(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, with all columns of an extractor and sample count taken apart whose values follow several `STAMPS`.

    `fid_10k` becomes `fid_10k [sampler=prior]` and `fid_10k [sampler=gmm]`; its floor, and `kid_10k`, likewise.
    """
    groups: dict[tuple[str, int], list[Column]] = {}
    for column in (parse(str(name)) for name in rows.columns):
        if column:
            groups.setdefault((column.extractor, column.samples), []).append(column)
    for columns in groups.values():
        measured = rows[[str(column) for column in columns]].notna().any(axis=1)
        stamps = rows.loc[measured, [stamp for stamp in STAMPS if stamp in rows]].astype(str)
        differing = [stamp for stamp in stamps if stamps[stamp].nunique() > 1]
        if differing:
            rows = _apart(rows, columns, stamps[differing])
    return rows


def _apart(rows: pd.DataFrame, columns: list[Column], stamps: pd.DataFrame) -> pd.DataFrame:
    labels = stamps.apply(lambda row: ", ".join(f"{key}={_short(key, value)}" for key, value in row.items()), axis=1)
    old, parts = [], []
    for column in columns:
        beside = {str(column): "{}", f"{column}_se": "{}_se", column.real: "{}" + column.real.removeprefix(str(column))}
        beside = {name: new for name, new in beside.items() if name in rows}
        old += beside
        for label in labels.unique():
            mine = rows.index.isin(labels.index[labels == label])
            if rows.loc[mine, str(column)].notna().any():
                named = Column(column.metric, column.extractor, column.samples, label)
                parts += [rows[name].where(mine).rename(new.format(named)) for name, new in beside.items()]
    return pd.concat([rows.drop(columns=old), *parts], axis=1)


def _short(key: object, value: str) -> str:
    return value[:SHOWN] if str(key).endswith("sha256") else value
