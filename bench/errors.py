"""Errors that a user can fix: one line on standard error, without a traceback."""

import difflib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

MOST_CHARACTERS = 200  # of a value that a message quotes
MOST_OF_REASON = 500  # characters of an exception's message, which may quote a whole tensor
ADDED_BY_PLUGINS = {"method", "metric", "network", "data set", "extractor", "prior", "optimiser", "sampler"}


class UserError(Exception):
    """An error that the user can fix. Its message is one line that says what to do. Exit status 2: wrong input."""

    exit_code = 2


class RunError(UserError):
    """The run itself failed, not the input: an unreachable cluster, a folder in use. Exit status 1."""

    exit_code = 1


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean X?" with the nearest of the known names, or the list of all if none is near."""
    options = sorted(known)
    spelling = {option.lower(): option for option in options}
    near = difflib.get_close_matches(name[:MOST_CHARACTERS].lower(), spelling, n=1, cutoff=0.5)
    return f" Did you mean {spelling[near[0]]}?" if near else f" Choose from: {', '.join(options)}."


def did_you_mean_file(path: Path) -> str:
    """Return ". Did you mean X?" for a file that does not exist, if there is one of a similar name; else ""."""
    try:
        missing = next(each for each in [*reversed(path.parents), path] if not each.exists())
        rest = path.relative_to(missing)
        siblings = {each.stem: each / rest for each in missing.parent.iterdir() if each.suffix == missing.suffix}
        near = difflib.get_close_matches(missing.stem, [name for name in siblings if siblings[name].exists()], n=1)
        return f". Did you mean {siblings[near[0]]}?" if near else ""
    except (OSError, StopIteration):  # a folder that may not be read, a name that is too long; or nothing is missing
        return ""


def unknown(kind: str, name: object, known: Iterable[str]) -> UserError:
    """Return the error for a name that is not among the known ones. `kind`: what is named, such as "data set"."""
    remedy = " If a plug-in adds it, give its file: --plugin FILE" if kind in ADDED_BY_PLUGINS else ""
    return UserError(f"unknown {kind} {short(name)}.{did_you_mean(str(name), known)}{remedy}")


def short(value: object) -> str:
    """Return the `repr` of a value, truncated to a readable length."""
    return cut(repr(value))


def cut(text: str, most: int = MOST_CHARACTERS) -> str:
    """Truncate a text to `most` characters, by default to a readable length."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def escape_surrogates(text: str) -> str:
    """Escape lone surrogates, by which Python represents bytes that are not UTF-8: no file can hold them."""
    return text.encode(errors="backslashreplace").decode()


def one_line(text: str) -> str:
    """Escape newlines, control characters and other unprintable characters, as Python literals do."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def say(text: str, error: bool = False) -> None:
    """Print one line, on standard output or standard error. All output to the terminal goes through here.

    Names, reasons and paths may come from a stranger's file, so no control character of them reaches the terminal.
    """
    print(one_line(text), file=sys.stderr if error else sys.stdout, flush=True)


_is_muted: ContextVar[bool] = ContextVar("is_muted", default=False)


def warn(text: str) -> None:
    """Print a warning, as one line on standard error."""
    if not _is_muted.get():
        say(f"warning: {text}", error=True)


@contextmanager
def muted() -> Iterator[None]:
    """Print no warnings inside the context: somebody else prints them."""
    token = _is_muted.set(True)
    try:
        yield
    finally:
        _is_muted.reset(token)


def with_article(noun: str) -> str:
    """Return 'a method' or 'an optimiser'."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def plural(count: int, noun: str) -> str:
    """Return '1 trial' or '1,200 trials'."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def markup(text: str) -> str:
    """Escape text for a table of rich, which is shown without its markup and control characters."""
    from rich.markup import escape

    return escape(one_line(text))


def reason(error: Exception) -> str:
    """Return the first line of an exception's message, cut; or the name of its type if it has no message."""
    text = escape_surrogates(error.strerror if isinstance(error, OSError) and error.strerror else str(error))
    return cut(text.strip().splitlines()[0], MOST_OF_REASON) if text.strip() else type(error).__name__
