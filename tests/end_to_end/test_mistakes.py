"""Every mistake of mistakes.py, made through the command line: one line, an exit status, no traceback."""

import importlib
import re
import shlex
from contextlib import ExitStack
from importlib.metadata import version

import pytest
from mistakes import HELP, SECTIONS, Mistake, Place, page
from project import ROOT
from runs import sets
from typer.testing import CliRunner, Result

# From 0.29 on, typer words its own messages otherwise than Click, of which the releases before it consist.
OLDER_TYPER = tuple(map(int, version("typer").split(".")[:2])) < (0, 29)
TYPERS_OWN = ("Invalid value for", "No such option", "Missing argument")


def marks(mistake: Mistake) -> list[pytest.MarkDecorator]:
    found = [pytest.mark.slow] if mistake.slow else []
    return [*found, pytest.mark.reports] if mistake.typed.startswith("report ") else found


CASES = [pytest.param(m, id=f"{m.what} {m.typed}", marks=marks(m)) for mistakes in SECTIONS.values() for m in mistakes]


def run(typed: str, trains: bool = False) -> Result:
    command, *arguments = shlex.split(typed)
    if trains:
        given = [argument for argument in arguments if "=" in argument]
        tiny = sets()
        keys = {argument.partition("=")[0] for argument in given}
        kept = [
            part
            for pair in zip(tiny[::2], tiny[1::2], strict=True)
            if pair[1].partition("=")[0] not in keys
            for part in pair
        ]
        arguments += ["--executor", "serial", *kept]
    return CliRunner().invoke(importlib.import_module(f"bench.{command}").app, arguments)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        yield Place(tmp_path, monkeypatch, stack, run)


def plain(text: str, place: Place) -> str:
    """Without what differs from run to run: the working folder, ids, free bytes, the machine's size."""
    text = text.replace(f"{place.path}/", "").replace(str(place.path), ".")
    for name, value in place.replace.items():
        text = text.replace(value, name)
    text = re.sub(r"\b[0-9a-f]{16}\b|(?<=-s0-)[0-9a-f]{10}\b", "ID", text)
    text = re.sub(r"[\d.,]+ [kM]B(?= needed| free)", "N MB", text)
    return re.sub(r"(?<=this process may use )\d+|(?<=requires a buffer of )\d+", "N", text)


@pytest.mark.parametrize("mistake", CASES)
def test_a_mistake_is_one_clear_line(mistake: Mistake, place: Place):
    mistake.given(place)
    typed = mistake.typed
    for name, value in place.replace.items():
        typed = typed.replace(name, value)
    result = run(typed, mistake.trains)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    if OLDER_TYPER and mistake.line.startswith(TYPERS_OWN) and mistake.line.endswith(HELP):
        assert re.fullmatch(rf"error: .*; {HELP}\n", result.stderr)
        assert result.exit_code == mistake.status
        return
    lines = plain(result.stderr + result.stdout, place).splitlines()
    expected = mistake.line if mistake.line.startswith("warning:") else f"error: {mistake.line}"
    assert expected in lines
    assert result.exit_code == mistake.status
    assert "Traceback" not in result.output
    if mistake.status:
        assert plain(result.stderr, place).splitlines()[-1:] == [expected]


def test_docs_errors_md_is_this_table():
    assert (ROOT / "docs" / "reference" / "errors.md").read_text() == page(), "run: make docs"
