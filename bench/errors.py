"""Mistakes that a user can mend: one line on standard error, and no traceback."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can mend. The message is one line that says what to do."""

    exit_code = 2


class RunError(UserError):
    """The run itself went wrong (a cluster out of reach, a folder in use); nothing that was typed is at fault."""

    exit_code = 1


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """' Did you mean X?' for the nearest of `known`, else the list of what there is."""
    options = sorted(known)
    near = difflib.get_close_matches(name.lower(), options, n=1, cutoff=0.5)
    return f" Did you mean {near[0]}?" if near else f" There is: {', '.join(options)}."


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name that is not among `known`."""
    return UserError(f"unknown {kind} {name!r}.{did_you_mean(name, known)}")


def reason(error: Exception) -> str:
    """The first line of what an exception says; its type where it says nothing."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__
