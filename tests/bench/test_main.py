"""wae-bench, or python -m bench: one command for all."""

import os
import re
import subprocess
import sys

import pytest
from project import ROOT

import bench
from bench.__main__ import app
from bench.cli.commands import COMMANDS
from methods import METHODS

HEAVY = ("torch", "ray", "pandas", "matplotlib")


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | environment)


def complete(typed: str) -> list[str]:
    """What bash would offer after `typed`."""
    words = typed.split(" ")
    done = call(_WAE_BENCH_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=str(len(words) - 1))
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_it_lists_every_command_with_a_line(arguments):
    done = call(*arguments)
    assert done.returncode == 0, done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    for name, about in COMMANDS.items():
        assert f"{name} {about}" in lines


def test_every_command_of_the_package_is_listed():
    files = {path.stem for path in (ROOT / "bench").glob("*.py") if "\napp = typer.Typer(" in path.read_text()}
    assert files == {*COMMANDS, "__main__"}


def test_version():
    assert call("--version").stdout == f"wae-bench {bench.__version__}\n"


@pytest.mark.parametrize("name", [None, *COMMANDS])
def test_help_imports_nothing_heavy(name):
    arguments = [*([name] if name else []), "--help"]
    code = (
        "import sys\n"
        "from bench.__main__ import main\n"
        f"sys.argv[1:] = {arguments}\n"
        "try:\n    main()\n"
        f"finally:\n    print([name for name in {HEAVY} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].startswith(f"Usage: wae-bench {name or '[OPTIONS]'}")
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_misspelt_command_is_one_line_with_the_nearest_name():
    done = call("reprot", "results/digits")
    assert done.stderr == "error: unknown command 'reprot'. Did you mean report?\n"
    assert done.returncode == 2


def test_mistakes_of_a_command_are_one_line():
    done = call("run", "--sedes", "3")
    assert re.match(r"error: No such option:? '?--sedes", done.stderr)  # typer's words, which differ between releases
    assert done.stderr.count("\n") == 1
    assert done.returncode == 2
    assert call("run", "--out", "").stderr == "error: --out is empty; is a shell variable unset?\n"


def test_a_command_is_recorded_as_if_it_were_run_by_its_module(monkeypatch, tmp_path):
    from runs import sets

    monkeypatch.setattr(sys, "argv", ["wae-bench"])
    options = ["--methods", "mmd", "--seeds", "1", "--executor", "serial", "--out", str(tmp_path / "out"), *sets()]
    with pytest.raises(SystemExit, match="0"):
        app(["run", *options, "--data-root", str(tmp_path / "data")])
    assert (
        bench.load(tmp_path / "out")
        .folder.require_description()
        .commands[0]
        .startswith("python -m bench.run --methods mmd --seeds 1")
    )


def test_the_shell_completes_commands_options_and_names():
    assert complete("wae-bench re") == ["report"]
    assert complete("wae-bench run --inc") == ["--inception-weights"]
    assert complete("wae-bench run --dataset ci") == ["cifar10"]
    assert complete("wae-bench prepare cele") == ["celeba", "celebahq"]
    assert complete("wae-bench run --methods mmd,ga") == ["mmd,gan"]
    assert complete("wae-bench run --methods ") == list(METHODS)
    assert complete("wae-bench clean pre") == ["previous", "prepared"]
    assert complete("wae-bench run --executor s") == ["serial"]
    assert complete("wae-bench unknown --opt") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_shown_for_each_shell(shell):
    done = call("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert "_WAE_BENCH_COMPLETE=complete_" + shell in done.stdout
