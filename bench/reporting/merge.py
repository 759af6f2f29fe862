"""Load experiments and merge those of one protocol: a trial counts once, and its copies must agree."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from bench.analysis import frames, protocols
from bench.analysis.frames import Record
from bench.errors import UserError
from bench.io.files import display_path
from bench.metrics.columns import STAMPS, TIMINGS
from bench.reporting import stale
from bench.reporting.description import comparable, merged, protocol_key
from bench.reporting.group import Group
from bench.reporting.search_tables import Chosen, chosen_points
from bench.store.documents import Description
from bench.store.folders import ExperimentFolder
from bench.store.states import State

MOST_DIFFERENCES = 3  # listed in an error
OTHER = " (other copy)"  # suffix of a column


def load(paths: Sequence[Path]) -> list[Group]:
    """Load experiments, merging those of one protocol.

    Raises:
        UserError: A folder is not an experiment or holds no trials, or copies of a trial have different results.
        RunError: All of them together have more values than a report holds.
    """
    by_protocol: dict[str, list[tuple[ExperimentFolder, Description]]] = {}
    for path in dict.fromkeys(map(Path.resolve, paths)):
        folder, description = _open(path)
        by_protocol.setdefault(protocol_key(description), []).append((folder, description))
    groups: list[Group] = []
    budget = frames.Budget()
    for experiments in by_protocol.values():
        folders = [folder for folder, _ in experiments]
        description = merged(description for _, description in experiments)
        dataset = description.protocol.dataset.name
        earlier = next((group for group in groups if group.dataset == dataset), None)
        if earlier is None:
            groups.append(_merge(dataset, "", folders, description, budget))
        else:
            difference = protocols.difference(comparable(earlier.description), comparable(description))
            reason_not_merged = f"Not merged with {earlier.name}, since the protocols differ: {difference}."
            unique_name = f"{dataset} ({display_path(folders[0].path)})"
            groups.append(_merge(unique_name, reason_not_merged, folders, description, budget))
    return groups


def load_one(folder: ExperimentFolder) -> Group:
    """Load one experiment."""
    return load([folder.path])[0]


def _open(path: Path) -> tuple[ExperimentFolder, Description]:
    folder = ExperimentFolder.open(path)
    if not folder.trials():
        place = display_path(path)
        raise UserError(f"{place} holds no trials; start some with python -m bench.run --out {place}")
    return folder, folder.require_description()


def _merge(
    name: str,
    reason_not_merged: str,
    folders: list[ExperimentFolder],
    description: Description,
    budget: frames.Budget,
) -> Group:
    trial_frames = [frames.trials(folder).assign(experiment=str(folder.path)) for folder in folders]
    points: dict[str, Chosen] = {}
    for folder, trial_frame in zip(folders, trial_frames, strict=True):
        points |= chosen_points(folder, trial_frame)
    shown = {label: point.label for label, point in points.items()}
    trials = pd.concat(trial_frames, ignore_index=True)
    begun = set(zip(trials["variant"], trials["seed"], strict=True))
    unbegun = sum((label, seed) not in begun for label, seeds in description.planned.items() for seed in seeds)
    trials = stale.mark(trials.assign(variant=trials["variant"].replace(shown)))
    description = replace(description, methods=[shown.get(label, label) for label in description.methods])
    row_frames = [
        frames.rows(folder, trials[trials["experiment"] == str(folder.path)], budget).assign(
            experiment=str(folder.path)
        )
        for folder in folders
    ]
    rows = pd.concat(row_frames, ignore_index=True)
    if trials.empty:
        unreadable = f"{display_path(folders[0].path)} holds no readable trial"
        raise UserError(f"{unreadable}; run the same bench.run again to repair or retrain its trials")
    if len(folders) > 1:
        trials, rows = _deduplicate(trials, rows)
        rows = rows.sort_values(["variant", "seed"], kind="stable", ignore_index=True)
    trials = trials.sort_values(["variant", "seed"], ignore_index=True)
    rows = protocols.separate(rows.drop(columns="experiment"))
    searched = {point.label: point.tried for point in points.values() if point.tried}
    return Group(name, folders, trials, rows, description, reason_not_merged, searched, unbegun)


def _deduplicate(trials: pd.DataFrame, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each trial once: the copy that is done or has the most rows, with the later evaluations of all copies."""
    unique, measured = [], []
    for id, copies in trials.groupby("trial", sort=False):
        trial_rows = rows[rows["trial"] == id]
        by_folder = {path: trial_rows[trial_rows["experiment"] == path] for path in copies["experiment"]}
        best = max(
            frames.records(copies), key=lambda copy: (copy["state"] == State.done, len(by_folder[copy["experiment"]]))
        )
        chosen = by_folder.pop(best["experiment"])
        for path, others in by_folder.items():
            _refuse_conflict(best, chosen, path, others)
            later = others[others["afterwards"].astype(bool)] if len(others) else others
            chosen = pd.concat([chosen, later]).drop_duplicates(subset=_keys(chosen)) if len(later) else chosen
        unique.append(best)
        measured.append(chosen)
    return pd.DataFrame.from_records(unique, columns=list(trials.columns)), pd.concat(measured, ignore_index=True)


def _keys(rows: pd.DataFrame) -> list[str]:
    """The columns that identify a measurement of a trial."""
    return [key for key in ("step", *STAMPS) if key in rows]


def _refuse_conflict(trial: Record, rows: pd.DataFrame, path: str, others: pd.DataFrame) -> None:
    """Refuse two copies of a trial in which a measurement differs; times and memory may differ.

    Raises:
        UserError: A measurement differs.
    """
    if rows.empty or others.empty:
        return
    keys = [key for key in _keys(rows) if key in others]
    both = rows.merge(others, on=keys, suffixes=("", OTHER))  # pandas treats missing stamps as equal
    skipped = {*TIMINGS, *keys, "experiment", "afterwards"}
    differences = []
    for column in (c for c in rows.columns if c not in skipped and f"{c}{OTHER}" in both):
        ours, theirs = both[column], both[f"{column}{OTHER}"]
        unequal = frames.records(both[(ours != theirs) & ours.notna() & theirs.notna()].head(1))
        differences += [f"{column} at step {r['step']} is {r[column]} and {r[f'{column}{OTHER}']}" for r in unequal]
    if differences:
        more = f"; {len(differences) - MOST_DIFFERENCES} more columns" if len(differences) > MOST_DIFFERENCES else ""
        first, second = display_path(Path(trial["experiment"])), display_path(Path(path))
        raise UserError(
            f"{trial['variant']} seed {trial['seed']} is in {first} and in {second} with different results "
            f"({'; '.join(differences[:MOST_DIFFERENCES])}{more}); leave out one of the two folders, or remove that "
            "trial from one"
        )
