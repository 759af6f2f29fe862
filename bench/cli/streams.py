"""Standard input, output and error as commands need them, whatever they were started with."""

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import Any


def prepare() -> None:
    """Open closed standard streams, and let output escape the characters that its encoding lacks, as under LC_ALL=C.

    A file that is opened while stream 1 or 2 is closed takes its number; whatever a library prints would go into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    sys.stdin = sys.stdin or _standard(0, "r")
    sys.stdout = sys.stdout or _standard(1, "w")
    sys.stderr = sys.stderr or _standard(2, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def settle() -> None:
    """Write out what is buffered. If that fails (a full disk, a closed pipe), drop it, or Python would try again."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _standard(number: int, mode: str) -> Any:
    return open(number, mode, encoding="utf-8", closefd=False)
