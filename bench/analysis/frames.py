"""An experiment's trial folders as data frames. Imports neither torch nor ray."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa

from bench.analysis import protocols
from bench.errors import RunError, UserError, plural, warn
from bench.experiment.source_code import changed_modules, present_sha256
from bench.experiment.specification import CodeSource, MethodSource, Trial
from bench.io.files import Damaged, display_path
from bench.metrics.columns import KEYS as KEY_COLUMNS
from bench.paths import ROOT
from bench.store.documents import Environment, Status
from bench.store.folders import ExperimentFolder
from bench.store.states import State
from bench.store.trial_folder import TrialFolder, belongs_to_other_version

# A row of a data frame, by column. Values are untyped: pandas decides what it returns for a cell.
Record: TypeAlias = dict[str, Any]

KEYS = [*KEY_COLUMNS]
OTHER_VERSION = "another version of the project began it"
MAX_VALUES = 10**8  # rows x columns of all trials: 0.8 GB a copy


@dataclass(frozen=True)
class TrialRow:
    """One trial, as described by its folder.

    Attributes:
        trial: id of the trial.
        method: name of the method.
        variant: label of the variant, such as `mmd[prior=sphere]`.
        prior: name of the prior.
        seed: training seed.
        state: `unfinished` instead of `running`: the process may have died, or may run elsewhere.
        reason: why the trial ended early, or None.
        stale: whether the source of the method or of a plug-in has changed since the training.
        code: hash of their code at the training.
        changed: what has changed since, in words, if the trial is stale.
        resumed: how often the trial was resumed from a checkpoint.
        folder: name of the trial folder.
        machine: hardware and threads of the last attempt, in words, or None if unknown.
        at_once: number of trials that may have shared the machine, or None if unknown.
        began: start of the first attempt, or None if there was none.
        ended: last update of the status, even if the trial is unfinished, or None if unknown.
    """

    trial: str
    method: str
    variant: str
    prior: str
    seed: int
    state: State
    reason: str | None
    stale: bool
    code: str
    changed: str | None
    resumed: int
    folder: str
    machine: str | None
    at_once: int | None
    began: str | None
    ended: str | None


def trials(folder: ExperimentFolder) -> pd.DataFrame:
    """Return one row per readable trial, with the columns of `TrialRow`, ordered by variant and seed.

    Trials with another protocol than experiment.yaml are left out, with a warning: their values are not comparable.
    """
    description = folder.description()
    protocol = description.written if description else {}
    for name, metric in description.metrics.items() if description else ():
        metric.declare(name)
    rows = [vars(row) | {"state": row.state.value} for trial in folder.trials() if (row := _counted(trial, protocol))]
    columns = [each.name for each in fields(TrialRow)]
    return pd.DataFrame.from_records(rows, columns=columns).sort_values(["variant", "seed"], ignore_index=True)


@dataclass
class Budget:
    """The rows and columns that have been read into one report: MAX_VALUES bounds them together."""

    rows: int = 0
    columns: set[str] = field(default_factory=set)

    def add(self, table: pa.Table, place: str) -> None:
        """Count a table that was read.

        Raises:
            RunError: a frame of all rows and columns so far would have more than MAX_VALUES values.
        """
        self.rows, self.columns = self.rows + len(table), self.columns | set(table.column_names)
        if self.rows * len(self.columns) > MAX_VALUES:
            size = f"{self.rows:,} rows of {len(self.columns):,} columns, more than {MAX_VALUES:,} values"
            raise RunError(f"with {place} there are {size}; report fewer trials at a time")


def rows(
    folder: ExperimentFolder, trial_frame: pd.DataFrame | None = None, budget: Budget | None = None
) -> pd.DataFrame:
    """Return one row per evaluation, ordered by trial and step; the first columns are KEYS.

    Args:
        folder: the experiment.
        trial_frame: the result of `trials`, if the caller has it already.
        budget: what has been read so far, if several experiments are read.

    Raises:
        RunError: the rows would have more than MAX_VALUES values, with those in the budget.
    """
    trial_records = records(trials(folder) if trial_frame is None else trial_frame)
    parts = _bounded(
        folder, budget or Budget(), (_history(folder.trial(trial["folder"]), trial["trial"]) for trial in trial_records)
    )
    if not parts:
        return pd.DataFrame(columns=KEYS)
    merged = pa.concat_tables(parts, promote_options="permissive").to_pandas()
    keys = pd.DataFrame.from_records(trial_records, columns=KEYS).set_index("trial").loc[merged["trial"]].reset_index()
    return pd.concat([keys, merged.drop(columns="trial")], axis=1)


def machines(folder: ExperimentFolder) -> list[str]:
    """Return the distinct environments of the trials, in words."""
    descriptions = []
    for trial in folder.trials():
        environment = trial.environment()
        if not environment:
            continue
        git = environment.git
        commit = (git.commit or "unknown")[:10] + (" with changes" if git.dirty else "")
        software = f"torch {environment.packages['torch']}, Python {environment.python}; commit {commit}"
        concurrency = f"{plural(environment.concurrent_trials, 'trial')} at a time"
        concurrency += ", evaluations beside training" if environment.evaluated_beside else ""
        descriptions.append(f"{machine(environment)}, {concurrency}; {software}")
    return list(dict.fromkeys(descriptions))


def records(frame: pd.DataFrame) -> list[Record]:
    """Return the rows of a frame as dictionaries."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _counted(folder: TrialFolder, protocol: Mapping[str, object]) -> TrialRow | None:
    """The row of one trial; None, with a warning, if spec.json is damaged or has another protocol."""
    try:
        trial = folder.trial()
        row = _row(folder, trial)
    except Damaged as error:
        if not error.repairable:
            raise
        remedy = "run the same bench.run again to repair or retrain it"
        warn(f"{display_path(folder.path)}/spec.json is damaged; the trial is left out; {remedy}")
        return None
    other = protocols.conflict(protocol, trial.protocol)
    if other:
        place = display_path(folder.path)
        warn(f"{place} is left out, because its protocol is another than that of experiment.yaml: {other}")
        return None
    if folder.exists("status.json") and not folder.is_intact("status.json"):
        effect = "the trial counts as unfinished until bench.run resumes it"
        warn(f"{display_path(folder.path)}/status.json is damaged; {effect}")
    return row


def _is_settled(folder: TrialFolder, status: Status) -> bool:
    """Whether the recorded state holds: no attempt is running, and a finished trial still has its rows."""
    return status.state is not State.running and (status.state is not State.done or folder.has_final_rows(status))


def describe(folder: TrialFolder) -> TrialRow:
    """Return the row of one trial.

    Raises:
        Damaged: spec.json is damaged.
    """
    return _row(folder, folder.trial())


def _row(folder: TrialFolder, trial: Trial) -> TrialRow:
    status, environment = folder.status(), folder.environment()
    changed = OTHER_VERSION if belongs_to_other_version(trial, status) else _what_changed(trial.source)
    return TrialRow(
        trial=trial.id,
        method=trial.spec.method,
        variant=trial.label,
        prior=trial.spec.prior,
        seed=trial.spec.seed,
        state=status.state if _is_settled(folder, status) else State.unfinished,
        reason=status.reason,
        stale=changed is not None,
        code=trial.source.digest,
        changed=changed,
        resumed=sum(bool(attempt.from_step) for attempt in status.attempts),
        folder=folder.path.name,
        machine=machine(environment) if environment else None,
        at_once=environment.concurrent_trials if environment else None,
        began=status.attempts[0].started if status.attempts else None,
        ended=status.updated,
    )


def machine(environment: Environment) -> str:
    """Describe the hardware and settings that determine the speed of a trial, except for concurrent trials."""
    threads = f"{plural(environment.threads, 'thread')} a trial"
    if environment.device == "cpu":
        instructions = environment.cpu_capability  # processors of one name differ, for instance in AVX-512
        return f"{environment.processor}{f' ({instructions})' if instructions else ''}, {threads}"
    replayed = environment.replayed  # missing in the results of older versions
    steps = "" if replayed is None else f", steps {'' if replayed else 'not '}replayed"
    return f"{environment.device}, {threads}{steps}"


def _what_changed(source: MethodSource) -> str | None:
    """Return what has changed in the code of a trial, in words; None if nothing has."""
    if not is_stale(source):
        return None
    plugins = [f"{name}: {_changed_code(code)}" for name, code in source.plugins.items() if _has_changed(code)]
    return ", ".join([*([_changed_code(source)] if _has_changed(source) or not plugins else []), *plugins])


def _changed_code(source: CodeSource) -> str:
    try:
        modules = changed_modules(source, ROOT / source.file)
    except (OSError, UserError, SyntaxError, RecursionError):
        return f"{source.file} cannot be read"
    return ", ".join(modules) or f"{source.file}, or what it uses"


def is_stale(source: MethodSource) -> bool:
    """Whether the code of the method or of a plug-in has changed, cannot be read, or is missing from the project.

    A missing file outside the project is a plug-in of another machine: it is not considered stale.
    """
    return any(map(_has_changed, (source, *source.plugins.values())))


def _has_changed(source: CodeSource) -> bool:
    path = ROOT / source.file
    try:
        # The path is untrusted: reading a device would not end, and reading a pipe would block.
        if path.suffix != ".py" or not path.is_file():
            return path.is_relative_to(ROOT)
        return present_sha256(source, path) != source.sha256
    except (OSError, UserError, SyntaxError, RecursionError):
        return True


def _bounded(folder: ExperimentFolder, budget: Budget, histories: Iterable[list[pa.Table]]) -> list[pa.Table]:
    """Collect tables within the budget."""
    parts = []
    for part in (part for history in histories for part in history):
        budget.add(part, display_path(folder.path))
        parts.append(part)
    return parts


def _history(folder: TrialFolder, trial: str) -> list[pa.Table]:
    """The rows of the training and of later evaluations, with the columns trial and afterwards."""
    parts = []
    files = (
        (False, "history.parquet", "its rows are left out until the trial is resumed"),
        (True, "evaluations.parquet", "the results of bench.evaluate are left out"),
    )
    for afterwards, name, effect in files:
        try:
            table = folder.table(name)
        except Damaged as error:
            warn(f"{error}; {effect}")
            if not afterwards:
                return []
            continue
        if len(table):
            flags, ids = pa.array([afterwards] * len(table)), pa.array([trial] * len(table))
            parts.append(table.append_column("afterwards", flags).append_column("trial", ids))
    return parts
