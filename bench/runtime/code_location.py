"""Where in a user's code an error arose, or where a function of theirs is."""

import inspect
import re
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from bench.errors import UserError, reason
from bench.paths import ROOT
from bench.runtime import memory

FOREIGN_CODE = (  # prefixes of the paths of files that users do not write
    str(Path(torch.__file__).parent.parent),
    sysconfig.get_path("stdlib"),
    str(ROOT / "bench"),
    str(ROOT / "methods" / "networks" / "__init__.py"),  # calls the layers of every network
    "<",
)
PLUGIN_CODE: set[str] = set()  # prefixes of the paths of plug-ins among libraries: those of installed packages


@contextmanager
def naming(what: str, function: object = None, smaller: str = "make it smaller") -> Iterator[None]:
    """Turn any exception of a user's code into a UserError: "<what> fails at mine.py:3: TypeError: ...".

    Args:
        what: what is called, for the message.
        function: the user's function, whose line is named if the exception arose in a library that it calls.
        smaller: what to do if it does not fit into memory.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # users' code raises all kinds of exceptions
        if memory.exhausted(error):
            raise UserError(f"{what} does not fit into this machine's memory; {smaller}") from error
        raise UserError(failure(what, error, function)) from error


def failure(what: str, error: Exception, function: object = None) -> str:
    """Return the line of `naming`."""
    return f"{what} fails{location(error) or definition(function)}: {type(error).__name__}: {reason(error)}"


def location(error: BaseException) -> str:
    """Name the innermost line outside libraries and the harness, such as ' at moco.py:68'; '' if there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [(frame.filename, frame.lineno) for frame in frames]
    lines += re.findall(r'File "(.+)", line (\d+)', str(error))  # torch.compile names it in the message
    lines = [(file, line) for file, line in lines if _is_users(str(file))]
    return f" at {Path(lines[-1][0]).name}:{lines[-1][1]}" if lines else ""


def _is_users(file: str) -> bool:
    return file.startswith(tuple(PLUGIN_CODE)) or not file.startswith(FOREIGN_CODE)


def definition(function: object) -> str:
    """Name the line of a function or class, such as ' in mine.py:12'; '' if it is not known."""
    code = getattr(inspect.unwrap(function) if callable(function) else function, "__code__", None)
    if code is not None:
        return f" in {Path(code.co_filename).name}:{code.co_firstlineno}"
    try:
        return f" in {Path(str(inspect.getsourcefile(function))).name}:{inspect.getsourcelines(function)[1]}"  # pyright: ignore[reportArgumentType]
    except (TypeError, OSError):
        return ""
