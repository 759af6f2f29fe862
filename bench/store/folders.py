"""Trial and experiment folders: the only place that knows file names, and the only one that writes results."""

import io
import json
import os
import shlex
import socket
import time
import uuid
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import yaml

from bench.errors import UserError
from bench.io import schema, tables, untrusted
from bench.io.files import Folder, sha256
from bench.io.object_store import Remote
from bench.io.strict_yaml import parse_yaml
from bench.io.untrusted import CHECKPOINTS
from bench.store import documents, mirror, rows

if TYPE_CHECKING:
    import pandas as pd

REAL = "real.png"  # some real images, beside the extractor
FINAL = ("done", "diverged", "stopped")  # states in which a training has said all that it has to say
LOST = ("failed", "diverged")  # states that only --retry-failed goes on from
CHECKPOINT_FORMAT = 1  # of what is in a checkpoint; raised with every change that makes older ones useless


class Superseded(Exception):
    """Another process has taken this trial over; whoever gets this must stop writing."""


def foreign(document: dict[str, Any], status: dict[str, Any]) -> bool:
    """Whether a trial, of which spec.json and status.json say this, was begun by a version that alone can go on."""
    unfinished = status["state"] not in FINAL
    return bool(status.get("stale")) or (unfinished and document.get("format", 1) != CHECKPOINT_FORMAT)


class TrialFolder(Folder):
    """One trial: spec.json, environment.json, status.json, checkpoint.pt, history.parquet, samples/."""

    def spec(self) -> dict[str, Any]:
        """What spec.json says; Damaged where it has changed, or is none."""
        return self._said("spec.json", self.read("spec.json"), documents.Trial)

    def environment(self) -> dict[str, Any]:
        """What the last attempt ran on; empty where none began, or the file is damaged."""
        whole = self.read_if_intact("environment.json")
        if whole is None or whole == _json({}):
            return {}
        return self._said("environment.json", whole, documents.Environment)

    def status(self) -> dict[str, Any]:
        """state: missing, running, done, diverged, stopped (by a scheduler) or failed; reason; and attempts.

        Each attempt has the step it began from. stale: another version of the project began it, which alone can go on.
        A trial whose file is damaged counts as interrupted.
        """
        whole = self.read_if_intact("status.json")
        if whole is not None:
            return self._said("status.json", whole, documents.Status)
        return {"state": "running" if self.exists("status.json") else "missing", "reason": None, "attempts": []}

    def claim(self, spec: dict[str, Any], environment: dict[str, Any]) -> str:
        """Begin an attempt: the token returned must be shown with every later write, so that an orphan stops."""
        if not self.exists("spec.json"):
            self.remove()  # what a removal left that was interrupted may be of another source
        token = uuid.uuid4().hex
        attempt = {"from_step": None, "started": _now(), "host": socket.gethostname(), "pid": os.getpid()}
        self._introduce(spec, environment, {"token": token, "attempts": [*self.status()["attempts"], attempt]})
        return token

    def _introduce(self, spec: dict[str, Any], environment: dict[str, Any], status: dict[str, Any]) -> None:
        self.write("environment.json", _json(environment))
        self._set({"state": "running", "reason": None} | status)
        self.write("spec.json", _json(spec))  # last, for it makes the trial visible

    def resumed(self, token: str, step: int) -> None:
        """Note the step from which this attempt goes on."""
        self._own(token)
        status = self.status()
        status["attempts"][-1]["from_step"] = step
        self._set(status)

    def finish(
        self, token: str, state: str, reason: str | None = None, error: str | None = None, stale: bool = False
    ) -> None:
        """End the attempt as done, diverged or failed, with the reason in a line and, if any, the traceback.

        stale: see `status`.
        """
        self._own(token)
        if error or self.exists("error.txt"):  # that of an earlier attempt says nothing of this one
            self.write("error.txt", (error or "").encode())
        self._set(self.status() | {"state": state, "reason": reason, "stale": stale})

    def wrote(self, spec: dict[str, Any]) -> bool:
        """Whether spec.json was this, though it may be damaged now."""
        return self.checksums("spec.json")[:1] == [sha256(_json(spec))]

    def mend(self, spec: dict[str, Any] | None = None) -> list[str]:
        """Write again what is damaged, where it is known what it said, and what else need not be known; warnings.

        spec: what spec.json said, if that is known.
        """
        said = []
        if spec is not None and not self.is_intact("spec.json"):
            self.write("spec.json", _json(spec))
            said.append(f"{self.name}/spec.json is damaged; it is written again")
        if self.exists("status.json") and not self.is_intact("status.json"):
            self._set(self.status())
            said.append(f"{self.name}/status.json is damaged; the trial goes on from its last checkpoint")
        if self.exists("environment.json") and not self.is_intact("environment.json"):
            self.write("environment.json", _json({}))
            said.append(f"{self.name}/environment.json is damaged; what the trial ran on is no longer known")
        return said

    def stop(self, reason: str) -> None:
        """For a trial that a scheduler ended early."""
        self._set(self.status() | {"state": "stopped", "reason": reason})

    def fail(self, spec: dict[str, Any], reason: str) -> None:
        """For a trial whose worker is gone for good, or never came."""
        status = self.status() | {"state": "failed", "reason": reason}
        self._introduce(spec, self.environment(), status)

    def save(self, token: str, checkpoint: bytes, rows: list[dict[str, Any]], pictures: dict[str, bytes]) -> None:
        """Keep a checkpoint, the one before, the rows so far (which the checkpoint holds too), and pictures by name."""
        self._own(token)
        for name, content in pictures.items():
            self.write(f"samples/{name}", content)
        current = self.read_if_intact("checkpoint.pt")
        if current is not None:
            self.write("checkpoint.previous.pt", current)
        self.write("checkpoint.pt", checkpoint, present=current)
        self.save_rows(rows)

    def save_rows(self, rows: list[dict[str, Any]]) -> None:
        import pandas as pd  # takes a third of a second, which a dry run does without

        buffer = io.BytesIO()
        pd.DataFrame.from_records(rows).to_parquet(buffer, index=False)
        self.write("history.parquet", buffer.getvalue())

    def checkpoint(self) -> tuple[bytes | None, str | None]:
        """The newest undamaged checkpoint, and a warning where it is not the newest there was."""
        warning = None
        for name in CHECKPOINTS:
            whole = self.read_if_intact(name)
            if whole is not None:
                return whole, warning
            if self.exists(name):
                warning = f"{self.name}/{name} is damaged; going on from what was before it"
        return None, warning and f"{self.name}: no checkpoint is undamaged; it is trained again from the start"

    def rows(self) -> "pd.DataFrame":
        """Rows of the training, in order of steps; an empty frame where there are none."""
        return self.table("history.parquet").to_pandas()

    def evaluations(self) -> "pd.DataFrame":
        """Rows that were measured after the training (bench.evaluate)."""
        return self.table("evaluations.parquet").to_pandas()

    def table(self, name: str) -> pa.Table:
        """A parquet file; without rows or columns where there is none. Many are put together far faster than frames."""
        if not self.exists(name):
            return pa.table({})
        origin = self.place / name
        return rows.validate(tables.parse_parquet(self.read(name), origin), origin)

    def save_evaluations(self, rows: "pd.DataFrame") -> None:
        buffer = io.BytesIO()
        rows.to_parquet(buffer, index=False)
        self.write("evaluations.parquet", buffer.getvalue())

    def forget(self) -> None:
        """Remove the trial. Its specification goes first: without it nothing that is left is taken for a trial."""
        self.discard("spec.json")
        self.remove()

    def drop_damaged(self) -> None:
        """Of a copy: remove what is damaged, to be copied again."""
        for name in ("spec.json", "status.json", "environment.json", "history.parquet"):
            if self.exists(name) and not self.is_intact(name):
                self.discard(name)

    def rows_damaged(self) -> bool:
        """Whether there were rows, but they can no longer be read."""
        had_some = self.exists("history.parquet") or self.exists("checkpoint.pt") or self.status()["state"] == "done"
        return had_some and not self.is_intact("history.parquet")

    def _said(self, name: str, whole: bytes, kind: type[schema.StrictModel]) -> dict[str, Any]:
        origin = self.place / name
        document = untrusted.parse_json(whole, origin)
        schema.validate(document, kind, origin)
        return document

    def _own(self, token: str) -> None:
        if self.status().get("token") != token:
            raise Superseded(f"{self.name} is being trained by another process")

    def _set(self, status: dict[str, Any]) -> None:
        self.write("status.json", _json(status | {"updated": _now()}))


def again(trial: TrialFolder) -> str:
    """How to get a trial's checkpoint that is not here."""
    storage = ExperimentFolder(trial.path.parent.parent).description().get("storage")
    if storage:
        return f"python -m bench.pull {shlex.quote(storage)} --checkpoints"
    return "bench.run --force trains it again"


class ExperimentFolder(Folder):
    """results/<experiment>: experiment.yaml, extractor/, trials/, report/, and the lock of whoever is running.

    home: the experiment's folder in an object store, where its trials are trained; `place` is then a copy of what is
    there, without checkpoints, that `pull` brings up to date.
    """

    def __init__(self, place: Path, home: Remote | None = None) -> None:
        super().__init__(place)
        self.home = home

    @property
    def extractor(self) -> Folder:
        return Folder(self.path / "extractor")

    @property
    def report(self) -> Path:
        return self.path / "report"

    @property
    def lock(self) -> Path:
        return self.path / ".lock"

    @property
    def trained(self) -> Path | Remote:
        """Where trial folders are written."""
        return (self.home or self.path) / "trials"

    def trial(self, name: str) -> TrialFolder:
        return TrialFolder(self.path / "trials" / name)

    def reset(self, name: str) -> None:
        """Forget a trial."""
        for place in (self.path / "trials", self.trained):  # the copy first: it must not say more than its origin
            TrialFolder(place / name).forget()

    def pull(self, below: str = "", checkpoints: bool = False) -> int:
        """Copy what is new at home, or in one of its folders; how many files. Checkpoints are large, and left there."""

        def wanted(name: PurePosixPath) -> bool:
            skipped = "report" in name.parts[:2] or name.name == ".lease"
            return not skipped and (checkpoints or name.name not in CHECKPOINTS)

        if self.home is None:
            return 0
        if not below:
            for trial in self.trials():
                trial.drop_damaged()  # or what is whole at home would be mended from a copy that is not
        return mirror.pull(self.home, self.path, wanted, below)

    def push(self, report: bool = False) -> None:
        """Keep at home what this machine made: what the experiment is, and perhaps the report on it."""
        if self.home:
            mirror.push(self.path, self.home, ("experiment.yaml", "extractor", *(["report"] if report else [])))

    def trials(self) -> list[TrialFolder]:
        return [TrialFolder(path.parent) for path in sorted(self.path.glob("trials/*/spec.json"))]

    def description(self) -> dict[str, Any]:
        """experiment.yaml: methods, seeds, protocol and the commands so far; empty where nothing ran yet."""
        path = self.path / "experiment.yaml"
        if not path.exists():
            return {}
        content = self.read(path.name)
        try:
            said = parse_yaml(content, str(path), untrusted.MAX_LIST_BYTES)
        except UserError as error:
            raise untrusted.Malformed(f"{error};", "bench.run did not write it") from None
        schema.validate(said, documents.Experiment, path)
        return said

    def describe(self, description: dict[str, Any]) -> None:
        self.write("experiment.yaml", yaml.safe_dump(description, sort_keys=False, width=120).encode())


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode()
