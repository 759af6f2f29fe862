"""The folder of one trial: the only code that knows its file names, and the only code that writes them."""

import io
import os
import socket
import time
import uuid
from typing import TYPE_CHECKING

import pyarrow as pa

from bench.errors import RunError
from bench.experiment.specification import CHECKPOINT_FORMAT, Trial
from bench.io import schema, tables, untrusted
from bench.io.files import Folder
from bench.io.limits import CHECKPOINTS, MAX_DOCUMENT_BYTES
from bench.io.untrusted import Malformed
from bench.metrics.columns import Columns
from bench.store import rows
from bench.store.documents import Attempt, Ending, Environment, Status
from bench.store.states import State

if TYPE_CHECKING:
    import pandas as pd

Row = Columns  # one evaluation of a trial
UNKNOWN = b"{}"  # environment.json, if no attempt could begin


class Superseded(Exception):
    """Another process has taken this trial over; whoever gets this error must stop writing."""


def belongs_to_other_version(trial: Trial, status: Status) -> bool:
    """Whether only the version of the project that began the trial can continue it."""
    return status.stale or (not status.state.is_final and trial.format != CHECKPOINT_FORMAT)


class TrialFolder(Folder):
    """One trial: spec.json, environment.json, status.json, checkpoint.pt, history.parquet, samples/."""

    def trial(self) -> Trial:
        """The trial that spec.json describes.

        Raises:
            Damaged: the file has changed since it was written, or bench.run did not write it.
        """
        origin = self.place / "spec.json"
        return Trial.parse(untrusted.parse_json(self.read("spec.json"), origin), origin)

    def environment(self) -> Environment | None:
        """What the last attempt ran on; None if no attempt began or the file is damaged."""
        content = self.read_if_intact("environment.json")
        if content is None or content == UNKNOWN:
            return None
        origin = self.place / "environment.json"
        return schema.validate(untrusted.parse_json(content, origin), Environment, origin)

    def status(self) -> Status:
        """How far the trial has come. A trial whose status.json is damaged counts as running, so it is resumed."""
        content = self.read_if_intact("status.json")
        if content is None:
            return Status(state=State.running if self.exists("status.json") else State.missing)
        origin = self.place / "status.json"
        return schema.validate(untrusted.parse_json(content, origin), Status, origin)

    def claim(self, trial: Trial, environment: Environment) -> str:
        """Begin an attempt. Every later write must present the returned token, so that an orphaned worker stops."""
        if not self.exists("spec.json"):
            self.remove()  # files that an interrupted removal left may belong to another source
        if self.exists("error.txt"):  # the traceback of an earlier attempt
            self.write("error.txt", b"")
        token = uuid.uuid4().hex
        attempt = Attempt(started=_now(), host=socket.gethostname(), pid=os.getpid())
        attempts = [*self.status().attempts, attempt]
        self._introduce(trial, environment, Status(state=State.running, token=token, attempts=attempts))
        return token

    def resumed(self, token: str, step: int) -> None:
        """Record the step from which this attempt continues."""
        self._require(token)
        status = self.status()
        last = status.attempts[-1].model_copy(update={"from_step": step})
        self._set(status.model_copy(update={"attempts": [*status.attempts[:-1], last]}))

    def note_evaluated_beside(self, token: str) -> None:
        """Record that an evaluation of this attempt ran beside the training.

        Raises:
            Superseded: another attempt has begun.
        """
        environment = self.environment()
        if environment and not environment.evaluated_beside:
            self._require(token)
            schema.write(self, "environment.json", environment.model_copy(update={"evaluated_beside": True}))

    def end(self, trial: Trial, ending: Ending, token: str | None = None) -> None:
        """Record how the trial ended.

        Args:
            trial: what spec.json says, written if no attempt could begin.
            ending: how it ended.
            token: of the attempt that ended; None if its worker is gone or a scheduler stopped it.

        Raises:
            Superseded: another attempt has begun.
        """
        if token is not None:
            self._require(token)
        if ending.error:
            text = ending.error.encode(errors="backslashreplace")
            self.write("error.txt", text[-MAX_DOCUMENT_BYTES:])  # the end says what failed
        written = self.checksums("history.parquet")
        changes = {"state": ending.state, "reason": ending.reason, "stale": ending.stale}
        changes |= {"rows_sha256": written[0] if written and ending.state is State.done else None}
        status = self.status().model_copy(update=changes)
        if self.exists("spec.json"):
            self._set(status)
        else:
            self._introduce(trial, self.environment(), status)

    def save(self, token: str, checkpoint: bytes, rows: list[Row], pictures: dict[str, bytes]) -> None:
        """Store a checkpoint and keep the previous one, the rows so far, and pictures by name.

        Raises:
            Superseded: another attempt has begun.
        """
        for name, content in pictures.items():
            self._write(token, f"samples/{name}", content)
        current = self.read_if_intact("checkpoint.pt")
        if current is not None:
            self._write(token, "checkpoint.previous.pt", current)
        self._write(token, "checkpoint.pt", checkpoint, present=current)
        self.save_rows(token, rows)

    def _write(self, token: str, name: str, content: bytes, present: bytes | None = None) -> None:
        """Write one file of an attempt. The token is checked each time: a process may stand still in between."""
        self._require(token)
        self.write_bounded(name, content, present=present)

    def save_rows(self, token: str, rows: list[Row]) -> None:
        """Write history.parquet. The checkpoint holds the rows too.

        Raises:
            Superseded: another attempt has begun.
        """
        import pandas as pd  # imported late: it takes a third of a second, and a dry run does not need it

        content = self._readable("history.parquet", pd.DataFrame.from_records(rows))
        self._write(token, "history.parquet", content)

    def has_final_rows(self, status: Status) -> bool:
        """Whether history.parquet is the file with which the trial ended, as far as `status` says."""
        return status.rows_sha256 is None or self.checksums("history.parquet")[:1] == [status.rows_sha256]

    def checkpoint(self) -> tuple[bytes | None, str | None]:
        """The newest undamaged checkpoint, and a warning if it is not the newest one written."""
        warning = None
        for name in CHECKPOINTS:
            content = self.read_if_intact(name)
            if content is not None:
                return content, warning
            if self.exists(name):
                warning = f"{self.name}/{name} is damaged; the checkpoint before it is used"
        return None, warning and f"{self.name}: no checkpoint is intact; the trial is retrained from the start"

    def rows(self) -> "pd.DataFrame":
        """The training's rows, ordered by step; an empty frame if there are none."""
        return self.table("history.parquet").to_pandas()

    def evaluations(self) -> "pd.DataFrame":
        """Rows that bench.evaluate measured after the training."""
        return self.table("evaluations.parquet").to_pandas()

    def table(self, name: str) -> pa.Table:
        """A parquet file as a table; without rows and columns if it does not exist.

        Concatenating many of them is far faster than concatenating frames.
        """
        if not self.exists(name):
            return pa.table({})
        origin = self.place / name
        return rows.validate(tables.parse_parquet(self.read(name), origin), origin)

    def save_evaluations(self, rows: "pd.DataFrame") -> None:
        """Write evaluations.parquet."""
        self.write_bounded("evaluations.parquet", self._readable("evaluations.parquet", rows))

    def _readable(self, name: str, frame: "pd.DataFrame") -> bytes:
        """The bytes of a table, which are read back: nothing is written that a reader refuses.

        Raises:
            RunError: the names or values of its columns are not those of rows.
        """
        buffer, origin = io.BytesIO(), self.place / name
        frame.to_parquet(buffer, index=False)
        try:
            rows.validate(tables.parse_parquet(buffer.getvalue(), origin), origin)
        except Malformed as error:
            raise RunError(f"cannot write rows that no reader would accept: {error}") from None
        return buffer.getvalue()

    def forget(self) -> None:
        """Remove the trial. Its spec.json goes first: without it, remaining files are not taken for a trial."""
        self.discard("spec.json")
        self.remove()

    def describe(self, trial: Trial) -> None:
        """Write spec.json."""
        schema.write(self, "spec.json", trial.document)

    def lose_environment(self) -> None:
        """Write an environment.json that says nothing, in place of a damaged one."""
        self.write("environment.json", UNKNOWN)

    def rewrite_status(self) -> None:
        """Write status.json again, as `status` reads it."""
        self._set(self.status())

    def _introduce(self, trial: Trial, environment: Environment | None, status: Status) -> None:
        if environment:
            schema.write(self, "environment.json", environment)
        else:
            self.lose_environment()
        self._set(status)
        self.describe(trial)  # last, because it makes the trial visible

    def _require(self, token: str) -> None:
        if self.status().token != token:
            raise Superseded(f"{self.name} is being trained by another process")

    def _set(self, status: Status) -> None:
        written = status.model_dump() | {"updated": _now()}
        schema.write(self, "status.json", Status.model_validate(written))  # which cuts a reason that is too long


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
