"""Values measured under different protocols never share a column: each protocol gets its own, labelled column."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bench.metrics.columns import METRICS, STAMPS, Column, parse

if TYPE_CHECKING:
    import pandas as pd

HASH_LENGTH = 8  # characters of a sha256 in a label


def separate(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Split every column whose values were measured under several protocols (see `STAMPS`).

    `fid_10k` becomes `fid_10k [sampler=prior]` and `fid_10k [sampler=gmm]`, and so do its floor and `kid_10k`. If all
    trainings share one protocol, their column keeps the plain name: only results of bench.evaluate are labelled.
    """
    groups: dict[tuple[str, int, tuple[str, ...]], list[Column]] = {}
    for column in (parse(str(name)) for name in rows.columns):
        if column:
            key = (column.extractor, column.samples, METRICS[column.metric].ignores)
            groups.setdefault(key, []).append(column)
    for (_, _, ignored), columns in groups.items():
        measured = rows[[str(column) for column in columns]].notna().any(axis=1)
        stamps = rows.loc[measured, [s for s in STAMPS if s in rows and s not in ignored]].astype(str)
        differing = [stamp for stamp in stamps if stamps[stamp].nunique() > 1]
        if differing:
            labels = _labels(rows, stamps[differing])
            rows = _split(rows, columns, labels)
    return rows


def _labels(rows: "pd.DataFrame", stamps: "pd.DataFrame") -> "pd.Series":
    """The label of each row's protocol; empty for the trainings' own protocol, if they share one."""
    labels = stamps.apply(lambda row: ", ".join(f"{key}={_short(key, value)}" for key, value in row.items()), axis=1)
    if "afterwards" not in rows:
        return labels
    own = labels[~rows.loc[labels.index, "afterwards"].astype(bool)].unique()
    return labels.replace(own[0], "") if len(own) == 1 else labels


def _split(rows: "pd.DataFrame", columns: list[Column], labels: "pd.Series") -> "pd.DataFrame":
    import pandas as pd  # not at the top: importing it takes a third of a second, and a dry run does not need it

    replaced, parts = [], []
    for column in columns:
        # Name of each related column, and the template for its name with a label.
        names = {str(column): "{}", f"{column}_se": "{}_se", column.real: "{}" + column.real.removeprefix(str(column))}
        names = {name: template for name, template in names.items() if name in rows}
        replaced += names
        for label in labels.unique():
            selected = rows.index.isin(labels.index[labels == label])
            if rows.loc[selected, str(column)].notna().any():
                labelled = Column(column.metric, column.extractor, column.samples, label)
                parts += [
                    rows[name].where(selected).rename(template.format(labelled)) for name, template in names.items()
                ]
    return pd.concat([rows.drop(columns=replaced), *parts], axis=1)


def _short(key: object, value: str) -> str:
    return value[:HASH_LENGTH] if str(key).endswith("sha256") else value


def difference(before: Mapping[str, object], now: Mapping[str, object], path: str = "") -> str | None:
    """Describe the first key in which two protocols differ, as 'training.epochs is 40 there and 60 here'.

    Args:
        before: the protocol "there".
        now: the protocol "here".
        path: prefix of the keys.

    Returns:
        The description, or None if the protocols are equal.
    """
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            inner = difference(old, new, f"{path}{key}.")
            if inner:
                return inner
        elif old != new:
            return f"{path}{key} is {old} there and {new} here"
    return None


def conflict(before: Mapping[str, object], now: Mapping[str, object]) -> str | None:
    """Describe the first difference, as `difference` does, but only among the keys that both protocols have.

    Documents of early versions lack some settings, which is no conflict.
    """
    return difference(_shared(before, now), _shared(now, before))


def _shared(protocol: Mapping[str, object], other: Mapping[str, object]) -> dict[str, object]:
    shared: dict[str, object] = {}
    for key in protocol.keys() & other.keys():
        mine, theirs = protocol[key], other[key]
        if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            mine = _shared(mine, theirs)
        shared[key] = mine
    return shared
