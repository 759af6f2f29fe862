"""The states of a trial."""

from enum import StrEnum


class State(StrEnum):
    """How far a trial has come, as status.json and tables say it.

    A trial whose machine died says `running` for ever, so tables show every running trial as `unfinished`.
    `taken_over` is only reported: another process trains the trial now, and its own status stands.
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
        """Whether the training has nothing more to say: it finished, diverged or was stopped by a scheduler."""
        return self in (State.done, State.diverged, State.stopped)

    @property
    def is_lost(self) -> bool:
        """Whether only --retry-failed continues the trial."""
        return self in (State.diverged, State.failed)

    @property
    def has_ended(self) -> bool:
        """Whether no process is expected to continue the trial by itself."""
        return self.is_final or self.is_lost
