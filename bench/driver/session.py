"""A run's hold on its experiment's folder, and the words with which it ends early."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.errors import say
from bench.io.object_store import redact
from bench.runtime import interpreter, signals
from bench.store.folders import ExperimentFolder
from bench.store.lock import locked, refuse_other_storage


@contextmanager
def held(folder: ExperimentFolder, checkpoint_seconds: float) -> Iterator[None]:
    """Lock the folder and fetch what its storage has. If interrupted, print how to continue.

    Args:
        folder: the experiment.
        checkpoint_seconds: how old the last checkpoint of a trial may be.

    Raises:
        SystemExit: it was interrupted, or nothing reads the output any more.
    """
    try:
        with locked(folder):
            refuse_other_storage(folder)
            folder.pull()
            yield
    except BrokenPipeError:  # `| head`, or a terminal that is gone
        say(
            f"nothing reads the output any more, so the run stops. To continue: {command(interpreter.name())}",
            error=True,
        )
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        age = f"its last checkpoint (at most about {checkpoint_seconds:g} s old)"
        say("", error=True)  # ends the line of ^C
        again = command(interpreter.name())
        say(f"interrupted; each trial resumes from {age}. To continue: {again}", error=True)
        raise SystemExit(signals.status()) from None


def command(python: str = "python") -> str:
    """Return the user's command, without credentials."""
    return shlex.join([python, "-m", "bench.run", *map(redact, sys.argv[1:])])
