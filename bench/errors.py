"""Mistakes that a user can mend: one line on standard error, and no traceback."""

import difflib
import sys
from collections.abc import Iterable

LONGEST = 200  # characters of a value that a message repeats


class UserError(Exception):
    """Something the user can mend. The message is one line that says what to do."""

    exit_code = 2


class RunError(UserError):
    """The run itself went wrong (a cluster out of reach, a folder in use); nothing that was typed is at fault."""

    exit_code = 1


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """' Did you mean X?' for the nearest of `known`, else the list of what there is."""
    options = sorted(known)
    near = difflib.get_close_matches(name[:LONGEST].lower(), options, n=1, cutoff=0.5)
    return f" Did you mean {near[0]}?" if near else f" There is: {', '.join(options)}."


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name that is not among `known`."""
    return UserError(f"unknown {kind} {short(name)}.{did_you_mean(name, known)}")


def short(value: object) -> str:
    """`repr` of something that was given, cut where nobody would read on."""
    return cut(repr(value))


def cut(text: str) -> str:
    """`text`, without its end where nobody would read on."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def one_line(text: str) -> str:
    """`text` with what a terminal would obey or could not print (newlines, control characters) written as in Python."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def warn(text: str) -> None:
    """Print a warning, as one line on standard error."""
    print(one_line(f"warning: {text}"), file=sys.stderr, flush=True)


def reason(error: Exception) -> str:
    """The first line of what an exception says; its type where it says nothing."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__
