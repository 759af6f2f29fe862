"""The Python that runs this process, as the user named it."""

import shutil
import sys
from pathlib import Path


def name() -> str:
    """Return what starts this Python again in the working directory, such as `python` or `.venv/bin/python`."""
    called = sys.orig_argv[0]
    if called == shutil.which("python"):
        return "python"
    path, here = Path(called), Path.cwd()  # not resolved: a virtual environment's python is a link to another one
    below = path.is_relative_to(here) and path.parent != here  # a name without a slash would be looked up
    return str(path.relative_to(here)) if below else called
