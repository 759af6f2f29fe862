"""Folders on disk: the only place that knows file names, and the only one that writes results.

Every file is handed over as bytes, written under a temporary name and moved into place, so a killed run never leaves
half a file. Its sha256 is noted under `.sha256/` *before* the move, beside that of the file it replaces: whenever a
writer is killed, what stands under the name is known to be whole, and damage is noticed.
"""

import hashlib
import io
import json
import os
import shutil
import socket
import time
import uuid
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from bench.errors import RunError

CHECKSUMS = ".sha256"
FINAL = ("done", "diverged")  # states that the same command does not train again


class Damaged(RunError):
    """A file is not what was written."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is damaged: its sha256 is not the one noted when it was written")


class Superseded(Exception):
    """Another process has taken this trial over; whoever gets this must stop writing."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Write under a temporary name beside `path`, then move: readers see the old bytes or the new, never a mixture."""
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RunError(f"cannot write {path}: {error.strerror}") from error


def make_folder(path: Path) -> None:
    """Create a folder and its parents; RunError where something is in the way."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot make the folder {path}: {error.strerror}") from error


class Folder:
    """A folder whose files are replaced atomically and checked when read."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def exists(self, name: str) -> bool:
        return (self.path / name).exists()

    def write(self, name: str, data: bytes) -> None:
        path = self.path / name
        noted = [sha256(data), *([sha256(path.read_bytes())] if path.exists() and self.whole(name) else [])]
        write_atomically(self.path / CHECKSUMS / name, "\n".join(noted).encode())
        write_atomically(path, data)

    def read(self, name: str) -> bytes:
        """The bytes of `name`; Damaged where they have changed since they were written."""
        data = (self.path / name).read_bytes()
        noted = self.path / CHECKSUMS / name
        if not noted.exists() or sha256(data) not in noted.read_text().split():
            raise Damaged(self.path / name)
        return data

    def whole(self, name: str) -> bool:
        """Whether `name` is there and undamaged."""
        try:
            return self.exists(name) and bool(self.read(name))
        except Damaged:
            return False


class TrialFolder(Folder):
    """One trial: spec.json, environment.json, status.json, checkpoint.pt, history.parquet, samples/."""

    def spec(self) -> dict[str, Any]:
        return json.loads(self.read("spec.json"))

    def environment(self) -> dict[str, Any]:
        """What the last attempt ran on; empty where none began."""
        if not self.exists("environment.json"):
            return {}
        return json.loads(self.read("environment.json"))

    def status(self) -> dict[str, Any]:
        """state: missing, running, done, diverged or failed; reason; attempts, each with the step it began from."""
        if not self.exists("status.json"):
            return {"state": "missing", "reason": None, "attempts": []}
        return json.loads(self.read("status.json"))

    def claim(self, spec: dict[str, Any], environment: dict[str, Any]) -> str:
        """Begin an attempt: the token returned must be shown with every later write, so that an orphan stops."""
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

    def finish(self, token: str, state: str, reason: str | None = None, error: str | None = None) -> None:
        """End the attempt as done, diverged or failed, with the reason in a line and, if any, the traceback."""
        self._own(token)
        if error:
            self.write("error.txt", error.encode())
        self._set(self.status() | {"state": state, "reason": reason})

    def fail(self, spec: dict[str, Any], reason: str) -> None:
        """For a trial whose worker is gone for good, or never came."""
        status = self.status() | {"state": "failed", "reason": reason}
        self._introduce(spec, self.environment(), status)

    def save(self, token: str, checkpoint: bytes, rows: list[dict[str, Any]], grids: dict[str, bytes]) -> None:
        """Keep a checkpoint, the one before it, the rows so far (which the checkpoint holds too), and PNGs by name."""
        self._own(token)
        for name, png in grids.items():
            self.write(f"samples/{name}", png)
        if self.whole("checkpoint.pt"):
            self.write("checkpoint.previous.pt", self.read("checkpoint.pt"))
        self.write("checkpoint.pt", checkpoint)
        self.save_rows(rows)

    def save_rows(self, rows: list[dict[str, Any]]) -> None:
        buffer = io.BytesIO()
        pd.DataFrame.from_records(rows).to_parquet(buffer, index=False)
        self.write("history.parquet", buffer.getvalue())

    def checkpoint(self) -> tuple[bytes | None, str | None]:
        """The newest undamaged checkpoint, and a warning where it is not the newest there was."""
        warning = None
        for name in ("checkpoint.pt", "checkpoint.previous.pt"):
            if self.whole(name):
                return self.read(name), warning
            if self.exists(name):
                warning = f"{self.path.name}/{name} is damaged; going on from what was before it"
        return None, warning

    def rows(self) -> pd.DataFrame:
        if not self.exists("history.parquet"):
            return pd.DataFrame()
        return pd.read_parquet(io.BytesIO(self.read("history.parquet")))

    def rows_damaged(self) -> bool:
        """Whether there were rows, but they can no longer be read."""
        return not self.whole("history.parquet") and self.exists("checkpoint.pt")

    def reset(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def _own(self, token: str) -> None:
        if self.status().get("token") != token:
            raise Superseded(f"{self.path.name} is being trained by another process")

    def _set(self, status: dict[str, Any]) -> None:
        self.write("status.json", _json(status | {"updated": _now()}))


class ExperimentFolder(Folder):
    """results/<experiment>: experiment.yaml, extractor/, trials/, report/, and the lock of whoever is running."""

    @property
    def extractor(self) -> Folder:
        return Folder(self.path / "extractor")

    @property
    def report(self) -> Path:
        return self.path / "report"

    @property
    def lock(self) -> Path:
        return self.path / ".lock"

    def trial(self, name: str) -> TrialFolder:
        return TrialFolder(self.path / "trials" / name)

    def trials(self) -> list[TrialFolder]:
        return [TrialFolder(path.parent) for path in sorted(self.path.glob("trials/*/spec.json"))]

    def description(self) -> dict[str, Any]:
        """experiment.yaml: methods, seeds, protocol and the commands so far; empty where nothing ran yet."""
        path = self.path / "experiment.yaml"
        return yaml.safe_load(self.read(path.name)) if path.exists() else {}

    def describe(self, description: dict[str, Any]) -> None:
        self.write("experiment.yaml", yaml.safe_dump(description, sort_keys=False, width=120).encode())


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode()
