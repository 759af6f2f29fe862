"""The states of a trial."""

from enum import StrEnum


class State(StrEnum):
    """The state of a trial, as recorded in status.json and shown in tables.

    The status of a trial whose machine died stays `running` forever, so tables show every running trial as
    `unfinished`. `taken_over` is reported but not recorded: another process now trains the trial and records its state.
    """

    missing = "missing"
    running = "running"
    unfinished = "unfinished"
    done = "done"
    diverged = "diverged"
    stopped = "stopped"
    failed = "failed"
    taken_over = "taken over"

    @property
    def is_final(self) -> bool:
        """Whether the training is over: it finished, diverged or was stopped by a scheduler."""
        return self in (State.done, State.diverged, State.stopped)

    @property
    def is_lost(self) -> bool:
        """Whether only --retry-failed continues the trial."""
        return self in (State.diverged, State.failed)

    @property
    def has_ended(self) -> bool:
        """Whether no process is expected to continue the trial by itself."""
        return self.is_final or self.is_lost
