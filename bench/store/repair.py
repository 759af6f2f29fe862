"""Damaged documents of a trial: which can be written again, and which make its rows unreadable."""

import json

from bench.experiment.specification import Trial
from bench.io import schema
from bench.io.files import sha256
from bench.store.states import State
from bench.store.trial_folder import TrialFolder


def described(folder: TrialFolder, trial: Trial) -> bool:
    """Whether spec.json described this trial when it was written, though the file may be damaged now."""
    content = schema.dump(trial.document, folder.place / "spec.json")
    older = json.loads(content)
    del older["source"]["modules"]  # which older versions did not write
    return folder.checksums("spec.json")[:1] in ([sha256(content)], [sha256(json.dumps(older, indent=2).encode())])


def mend(folder: TrialFolder, trial: Trial) -> list[str]:
    """Rewrite damaged documents whose content is known or dispensable.

    Args:
        folder: of the trial.
        trial: what spec.json said.

    Returns:
        A warning for each.
    """
    warnings = []
    if not folder.is_intact("spec.json"):
        folder.describe(trial)
        warnings.append(f"{folder.name}/spec.json is damaged; it is rewritten")
    if folder.exists("status.json") and not folder.is_intact("status.json"):
        folder.rewrite_status()
        warnings.append(f"{folder.name}/status.json is damaged; the trial resumes from its last checkpoint")
    if folder.exists("environment.json") and not folder.is_intact("environment.json"):
        folder.lose_environment()
        warnings.append(f"{folder.name}/environment.json is damaged; the hardware and versions of the trial are lost")
    return warnings


def drop_damaged(folder: TrialFolder) -> None:
    """Remove the damaged documents of a copy, so that they are copied again."""
    for name in ("spec.json", "status.json", "environment.json", "history.parquet"):
        if folder.exists(name) and not folder.is_intact(name):
            folder.discard(name)


def rows_damaged(folder: TrialFolder) -> bool:
    """Whether there were rows that can no longer be read, or that another attempt has replaced."""
    status = folder.status()
    had_rows = any(map(folder.exists, ("history.parquet", "checkpoint.pt"))) or status.state is State.done
    return had_rows and not (folder.is_intact("history.parquet") and folder.has_final_rows(status))
