"""Values of different protocols never share a column: where they would, there is one column for each, labelled."""

from typing import TYPE_CHECKING, Any

from bench.metrics.columns import STAMPS, Column, parse

if TYPE_CHECKING:
    import pandas as pd

DRAWN = ("n_generated", "sampler", "sampling_seed")  # what reconstructions do not depend on
SHOWN = 8  # characters of a sha256


def separate(rows: "pd.DataFrame") -> "pd.DataFrame":
    """The rows, with all columns of an extractor and sample count taken apart whose values follow several `STAMPS`.

    `fid_10k` becomes `fid_10k [sampler=prior]` and `fid_10k [sampler=gmm]`; its floor, and `kid_10k`, likewise. The one
    protocol of the trainings keeps the plain name: only what bench.evaluate added is labelled.
    """
    groups: dict[tuple[str, int], list[Column]] = {}
    for column in (parse(str(name)) for name in rows.columns):
        if column:
            groups.setdefault((column.extractor, column.samples), []).append(column)
    for columns in groups.values():
        measured = rows[[str(column) for column in columns]].notna().any(axis=1)
        drawn = () if all(column.metric == "reconstruction" for column in columns) else DRAWN
        stamps = rows.loc[measured, [s for s in STAMPS if s in rows and (s not in DRAWN or drawn)]].astype(str)
        differing = [stamp for stamp in stamps if stamps[stamp].nunique() > 1]
        if differing:
            labels = _labels(rows, stamps[differing])
            rows = _apart(rows, columns, labels)
    return rows


def _labels(rows: "pd.DataFrame", stamps: "pd.DataFrame") -> "pd.Series":
    """For each row what sets its protocol apart; nothing, where it is the trainings' only one."""
    labels = stamps.apply(lambda row: ", ".join(f"{key}={_short(key, value)}" for key, value in row.items()), axis=1)
    if "afterwards" not in rows:
        return labels
    own = labels[~rows.loc[labels.index, "afterwards"].astype(bool)].unique()
    return labels.replace(own[0], "") if len(own) == 1 else labels


def _apart(rows: "pd.DataFrame", columns: list[Column], labels: "pd.Series") -> "pd.DataFrame":
    import pandas as pd  # takes a third of a second, which a dry run does without

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


def difference(before: dict[str, Any], now: dict[str, Any], path: str = "") -> str | None:
    """The first key in which two protocols differ, as 'training.epochs is 40 there and 60 here'; None if none."""
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found = difference(old, new, f"{path}{key}.")
            if found:
                return found
        elif old != new:
            return f"{path}{key} is {old} there and {new} here"
    return None
