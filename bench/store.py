"""Folders on disk: the only place that knows file names, and the only one that writes results.

Every file is handed over as bytes, written under a temporary name and moved into place, so a killed run never leaves
half a file. Its sha256 is noted *before* the move: whatever stands under a name is either known to be whole, or
damaged and reported so.
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

CHECKSUMS = "checksums.json"
FINAL = ("done", "diverged")  # states that the same command does not train again


class Damaged(RunError):
    """A file is not what was written: its sha256 is none of the noted ones."""


class Superseded(Exception):
    """Another process has taken this trial over; whoever gets this must stop writing."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Write under a temporary name beside `path`, then move: readers see the old bytes or the new, never a mixture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RunError(f"cannot write {path}: {error.strerror}") from error


class Folder:
    """A folder whose files are replaced atomically and checked when read."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def exists(self, name: str) -> bool:
        return (self.path / name).exists()

    def write(self, name: str, data: bytes) -> None:
        noted = self._noted()
        noted[name] = [sha256(data), *noted.get(name, [])][:2]
        write_atomically(self.path / CHECKSUMS, json.dumps(noted, indent=1).encode())
        write_atomically(self.path / name, data)

    def read(self, name: str, written_as: str | None = None) -> bytes:
        """The bytes of `name` (moved here from `written_as`, where that differs); Damaged where they have changed."""
        data = (self.path / name).read_bytes()
        if sha256(data) not in self._noted().get(written_as or name, []):
            raise Damaged(f"{self.path / name} is damaged: its sha256 is not the one noted when it was written")
        return data

    def _noted(self) -> dict[str, list[str]]:
        path = self.path / CHECKSUMS
        return json.loads(path.read_text()) if path.exists() else {}


class TrialFolder(Folder):
    """One trial: spec.json, environment.json, status.json, checkpoint.pt, history.parquet, samples/."""

    def spec(self) -> dict[str, Any]:
        return json.loads(self.read("spec.json"))

    def environment(self) -> dict[str, Any]:
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
        self.write("spec.json", _json(spec))
        self.write("environment.json", _json(environment))
        attempts = [*self.status()["attempts"], attempt]
        self._set({"state": "running", "reason": None, "token": token, "attempts": attempts})
        return token

    def resumed(self, token: str, step: int) -> None:
        """Note the step from which this attempt goes on."""
        self._own(token)
        status = self.status()
        status["attempts"][-1]["from_step"] = step
        self._set(status)

    def finish(self, token: str, state: str, reason: str | None = None) -> None:
        self._own(token)
        self._set(self.status() | {"state": state, "reason": reason})

    def fail(self, reason: str) -> None:
        """For a trial whose worker is gone for good."""
        self._set(self.status() | {"state": "failed", "reason": reason})

    def save(self, token: str, checkpoint: bytes, rows: list[dict[str, Any]]) -> None:
        """Keep a checkpoint, the one before it, and the rows so far (which the checkpoint holds as well)."""
        self._own(token)
        current = self.path / "checkpoint.pt"
        if current.exists():
            shutil.copy2(current, self.path / ".checkpoint.previous.part")
            (self.path / ".checkpoint.previous.part").replace(self.path / "checkpoint.previous.pt")
        self.write("checkpoint.pt", checkpoint)
        self.save_rows(rows)

    def save_rows(self, rows: list[dict[str, Any]]) -> None:
        buffer = io.BytesIO()
        pd.DataFrame.from_records(rows).to_parquet(buffer, index=False)
        self.write("history.parquet", buffer.getvalue())

    def checkpoints(self) -> list[bytes]:
        """Undamaged checkpoints, the newest first."""
        whole = []
        for name in ("checkpoint.pt", "checkpoint.previous.pt"):
            if self.exists(name):
                try:
                    whole.append(self.read(name, written_as="checkpoint.pt"))
                except Damaged as error:
                    print(f"warning: {error}; using the one before it", flush=True)
        return whole

    def rows(self) -> pd.DataFrame:
        if not self.exists("history.parquet"):
            return pd.DataFrame()
        return pd.read_parquet(io.BytesIO(self.read("history.parquet")))

    def samples(self) -> list[Path]:
        """Sample grids in the order of their steps."""
        return sorted((self.path / "samples").glob("samples-*.png"))

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
