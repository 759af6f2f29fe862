"""Trial and experiment folders: the only place that knows file names, and the only one that writes results."""

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
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from bench.files import Folder

REAL = "real.png"  # some real images, beside the extractor
FINAL = ("done", "diverged", "stopped")  # states that the same command does not train again
CHECKPOINTS = ("checkpoint.pt", "checkpoint.previous.pt")  # the newest first


class Superseded(Exception):
    """Another process has taken this trial over; whoever gets this must stop writing."""


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
        """state: missing, running, done, diverged, stopped (by a scheduler) or failed; reason; and attempts.

        Each attempt has the step it began from.
        """
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
        current = self.read_whole("checkpoint.pt")
        if current is not None:
            self.write("checkpoint.previous.pt", current)
        self.write("checkpoint.pt", checkpoint)
        self.save_rows(rows)

    def save_rows(self, rows: list[dict[str, Any]]) -> None:
        buffer = io.BytesIO()
        pd.DataFrame.from_records(rows).to_parquet(buffer, index=False)
        self.write("history.parquet", buffer.getvalue())

    def checkpoint(self) -> tuple[bytes | None, str | None]:
        """The newest undamaged checkpoint, and a warning where it is not the newest there was."""
        warning = None
        for name in CHECKPOINTS:
            whole = self.read_whole(name)
            if whole is not None:
                return whole, warning
            if self.exists(name):
                warning = f"{self.path.name}/{name} is damaged; going on from what was before it"
        return None, warning

    def rows(self) -> pd.DataFrame:
        """Rows of the training, in order of steps; an empty frame where there are none."""
        return self.table("history.parquet").to_pandas()

    def evaluations(self) -> pd.DataFrame:
        """Rows that were measured after the training (bench.evaluate)."""
        return self.table("evaluations.parquet").to_pandas()

    def table(self, name: str) -> pa.Table:
        """A parquet file; without rows or columns where there is none. Many are put together far faster than frames."""
        if not self.exists(name):
            return pa.table({})
        return pq.ParquetFile(pa.BufferReader(self.read(name))).read(use_threads=False)

    def save_evaluations(self, rows: pd.DataFrame) -> None:
        buffer = io.BytesIO()
        rows.to_parquet(buffer, index=False)
        self.write("evaluations.parquet", buffer.getvalue())

    def rows_damaged(self) -> bool:
        """Whether there were rows, but they can no longer be read."""
        had_some = self.exists("history.parquet") or self.exists("checkpoint.pt")
        return had_some and not self.whole("history.parquet")

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
