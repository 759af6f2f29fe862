"""The interpreter is named so that a line with it can be pasted into the same terminal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from project import ROOT

PRINTS = "from bench.runtime import interpreter; print(interpreter.name())"


@pytest.fixture
def environment(tmp_path) -> Path:
    """A `python` in .venv/bin below the working directory, as a virtual environment has it."""
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return python


def printed(called: str, folder: Path, path: str) -> str:
    variables = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    return subprocess.check_output([called, "-c", PRINTS], cwd=folder, env=variables, text=True).strip()


@pytest.mark.usefixtures("environment")
def test_a_relative_path_stays_as_it_was_typed(tmp_path):
    assert printed(".venv/bin/python", tmp_path, "/usr/bin") == ".venv/bin/python"


def test_an_absolute_path_below_the_working_directory_is_shortened(environment, tmp_path):
    assert printed(str(environment), tmp_path, "/usr/bin") == ".venv/bin/python"
    (tmp_path / "elsewhere").mkdir()
    for folder in (tmp_path / "elsewhere", environment.parent):  # in the latter, `python` would be another one
        assert printed(str(environment), folder, "/usr/bin") == str(environment)


def test_the_python_of_an_activated_environment_is_python(environment, tmp_path):
    activated = f"{environment.parent}:/usr/bin"
    assert printed("python", tmp_path, activated) == "python"
    assert printed(str(environment), tmp_path, activated) == "python"
