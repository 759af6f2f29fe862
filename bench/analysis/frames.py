"""An experiment's trial folders as data frames. Neither torch nor ray is imported."""

from typing import Any

import pandas as pd
import pyarrow as pa

from bench.errors import UserError
from bench.experiment.specification import MethodSource
from bench.io import untrusted
from bench.io.files import Damaged, sha256, shown
from bench.paths import ROOT
from bench.store.documents import Environment, Status
from bench.store.folders import ExperimentFolder
from bench.store.states import State
from bench.store.trial_folder import TrialFolder, belongs_to_other_version

KEYS = ["trial", "method", "variant", "prior", "seed"]


def trials(folder: ExperimentFolder) -> pd.DataFrame:
    """One row a trial: KEYS, state, reason, stale, resumed (how often it went on from a checkpoint), folder.

    And, of its last attempt: machine, at_once (how many trials may have shared it), began and ended.
    """
    found = [row for trial in folder.trials() if (row := _whole(trial))]
    columns = [*KEYS, "state", "reason", "stale", "resumed", "folder", "machine", "at_once", "began", "ended"]
    return pd.DataFrame.from_records(found, columns=columns).sort_values(["variant", "seed"], ignore_index=True)


def rows(folder: ExperimentFolder, known: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row an evaluation, in order of trial and step, with the KEYS of its trial in front.

    known: what `trials` says of the folder, where that is known already.
    """
    found = records(trials(folder) if known is None else known)
    parts = [part for trial in found for part in _history(folder.trial(trial["folder"]), trial["trial"])]
    if not parts:
        return pd.DataFrame(columns=KEYS)
    merged = pa.concat_tables(parts, promote_options="permissive").to_pandas()
    keys = pd.DataFrame.from_records(found, columns=KEYS).set_index("trial").loc[merged["trial"]].reset_index()
    return pd.concat([keys, merged.drop(columns="trial")], axis=1)


def machines(folder: ExperimentFolder) -> list[str]:
    """What the trials ran on, in words, each once."""
    found = []
    for trial in folder.trials():
        e = trial.environment()
        if not e:
            continue
        running = f"{e.concurrent_trials} trials at a time"
        commit = (e.git.commit or "unknown")[:10] + (" with changes" if e.git.dirty else "")
        found.append(f"{_machine(e)}, {running}; torch {e.packages['torch']}, Python {e.python}; commit {commit}")
    return list(dict.fromkeys(found))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dicts."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _whole(folder: TrialFolder) -> dict[str, Any] | None:
    """The row of one trial; None, and a warning, where nobody knows what trial it is."""
    try:
        row = describe(folder)
    except Damaged as error:
        if not error.noted:
            raise
        mended = "the bench.run that made it mends it, or trains it again"
        print(f"warning: {shown(folder.path)}/spec.json is damaged; the trial is left out; {mended}", flush=True)
        return None
    if folder.exists("status.json") and not folder.whole("status.json"):
        lost = "the trial counts as unfinished until bench.run goes on with it"
        print(f"warning: {shown(folder.path)}/status.json is damaged; {lost}", flush=True)
    return row


def describe(folder: TrialFolder) -> dict[str, Any]:
    """The row of one trial."""
    trial, status = folder.trial(), folder.status()
    return {
        "trial": trial.id,
        "method": trial.spec.method,
        "variant": trial.label,
        "prior": trial.spec.prior,
        "seed": trial.spec.seed,
        # A trial that says it is running while nobody reports for it was interrupted, or runs elsewhere right now.
        "state": str(State.unfinished if status.state is State.running else status.state),
        "reason": status.reason,
        "stale": _stale(trial.source) or belongs_to_other_version(trial, status),
        "resumed": sum(bool(attempt.from_step) for attempt in status.attempts),
        "folder": folder.path.name,
        **_ran(folder.environment(), status),
    }


def _ran(environment: Environment | None, status: Status) -> dict[str, Any]:
    """On what, with how many others, and from when to when."""
    return {
        "machine": _machine(environment) if environment else None,
        "at_once": environment.concurrent_trials if environment else None,
        "began": status.attempts[0].started if status.attempts else None,
        "ended": status.updated,
    }


def _machine(environment: Environment) -> str:
    """What decides how fast a trial is, besides who else is there."""
    threads = f"{environment.threads} threads a trial"
    if environment.device == "cpu":
        instructions = environment.cpu_capability  # of processors of one name some have AVX-512, some not
        return f"{environment.processor}{f' ({instructions})' if instructions else ''}, {threads}"
    replayed = environment.replayed
    steps = "" if replayed is None else f", steps {'' if replayed else 'not '}replayed"  # older trials do not say
    return f"{environment.device}, {threads}{steps}"


def _stale(source: MethodSource) -> bool:
    """Whether the method's file has changed since; of a plug-in that is not at its place nothing can be said."""
    path = ROOT / source.file
    try:
        # Whoever wrote the trial has chosen the path: a device has no end, and a pipe waits.
        if path.suffix != ".py" or not path.is_file():
            return path.is_relative_to(ROOT)
        return sha256(untrusted.read(path)) != source.sha256
    except (OSError, UserError):
        return True


def _history(folder: TrialFolder, trial: str) -> list[pa.Table]:
    """The rows of the training, and those measured afterwards, with the columns trial and afterwards."""
    found = []
    files = {
        "history.parquet": "its rows are left out until the trial is resumed",
        "evaluations.parquet": "what bench.evaluate measured is left out",
    }
    for afterwards, (name, lost) in enumerate(files.items()):
        try:
            table = folder.table(name)
        except Damaged as error:
            print(f"warning: {error}; {lost}", flush=True)
            if not afterwards:
                return []
            continue
        if len(table):
            column = pa.array([bool(afterwards)] * len(table))
            found.append(
                table.append_column("afterwards", column).append_column("trial", pa.array([trial] * len(table)))
            )
    return found
