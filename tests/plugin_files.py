"""A plug-in with one method, whose losses a test chooses."""

from pathlib import Path

PLUGIN = """
import torch
from methods import Method
from methods.functional import squared_error

class Broken(Method):
    def losses(self, x):
        {body}

METHODS = {{"broken": Broken}}
"""


def write_plugin(folder: Path, body: str) -> Path:
    """Write mine.py with the method `broken`. `body` is the body of its `losses(self, x)`."""
    path = folder / "mine.py"
    path.write_text(PLUGIN.format(body=body))
    return path
