"""Files of the working folder that have names of packages."""

import os
import subprocess
import sys

import pytest
from project import ROOT
from runs import sets

SCRIPT = "from bench.__main__ import main\n\nif __name__ == '__main__':\n    main()\n"


@pytest.fixture
def folder(tmp_path):
    """A working folder with files that fail when they are imported, and beside it the console script."""
    (tmp_path / "work" / "torch").mkdir(parents=True)
    (tmp_path / "wae-bench").write_text(SCRIPT)
    for name in ("methods.py", "yaml.py", "torch/__init__.py"):
        (tmp_path / "work" / name).write_text("raise AssertionError('imported')\n")
    return tmp_path / "work"


def run(folder, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, *command]
    return subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_console_script_does_not_see_them(folder):
    done = run(folder, "../wae-bench", "info", "--json")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_nor_do_the_workers_of_ray_below_it(folder):
    asked = ["--methods", "mmd", "--seeds", "1", "--out", "out", "--data-root", "data", *sets()]
    done = run(folder, "../wae-bench", "run", *asked)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["bench.info", "bench"])
def test_a_module_names_the_file_and_the_way_out(folder, module):
    done = run(folder, "-m", module)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: methods.py in the working folder hides a package that is needed; rename it, or"
    )
    assert done.stderr.count("\n") == 1


def test_other_files_hide_nothing(folder):
    for name in ("methods.py", "yaml.py", "torch/__init__.py"):
        (folder / name).unlink()
    (folder / "mine.py").write_text("")
    assert run(folder, "-m", "bench", "--version").returncode == 0


def test_links_to_this_project_hide_nothing(tmp_path):
    """So the folder of a job looks that holds links to the project."""
    for name in ("bench", "methods", "configs"):
        (tmp_path / name).symlink_to(ROOT / name)
    assert run(tmp_path, "-m", "bench.info", "--json").returncode == 0
