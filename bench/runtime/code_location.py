"""Where in a user's code an error arose, or where a function of theirs is."""

import inspect
import re
import sysconfig
import traceback
from pathlib import Path

import torch

from bench.paths import ROOT

FOREIGN_CODE = (  # prefixes of the paths of files that users do not write
    str(Path(torch.__file__).parent.parent),
    sysconfig.get_path("stdlib"),
    str(ROOT / "bench"),
    str(ROOT / "methods" / "networks" / "__init__.py"),  # calls the layers of every network
    "<",
)


def location(error: BaseException) -> str:
    """Name the innermost line outside libraries and the harness, such as ' at moco.py:68'; '' if there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [(frame.filename, frame.lineno) for frame in frames]
    lines += re.findall(r'File "(.+)", line (\d+)', str(error))  # torch.compile names it in the message
    lines = [(file, line) for file, line in lines if not str(file).startswith(FOREIGN_CODE)]
    return f" at {Path(lines[-1][0]).name}:{lines[-1][1]}" if lines else ""


def definition(function: object) -> str:
    """Name the line of a function or class, such as ' in mine.py:12'; '' if it is not known."""
    code = getattr(inspect.unwrap(function) if callable(function) else function, "__code__", None)
    if code is not None:
        return f" in {Path(code.co_filename).name}:{code.co_firstlineno}"
    try:
        return f" in {Path(str(inspect.getsourcefile(function))).name}:{inspect.getsourcelines(function)[1]}"  # pyright: ignore[reportArgumentType]
    except (TypeError, OSError):
        return ""
