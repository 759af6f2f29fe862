"""Errors and warnings that a user sees."""

import io

import pytest
from rich.console import Console

from bench.errors import markup, say, warn

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\r\n"


def test_a_warning_is_one_line_on_standard_error(capsys):
    warn("a\nb\x1b[2J is damaged")
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == "warning: a\\nb\\x1b[2J is damaged\n"


@pytest.mark.parametrize("error", [False, True])
def test_no_control_character_reaches_the_terminal(error, capsys):
    say(f"mmd: failed: {ESCAPES}[/b] \ud800", error=error)
    output = capsys.readouterr()
    said = output.err if error else output.out
    assert said == "mmd: failed: \\x1b]0;owned\\x07\\x1b[2J\\x9b31m\\u202e\\r\\n[/b] \\ud800\n"
    assert (output.out if error else output.err) == ""


def test_tables_in_the_terminal_show_markup_as_it_is():
    console = Console(file=io.StringIO(), width=200)
    console.print(markup(f"[red]x[/b] {ESCAPES}"))
    assert console.file.getvalue() == "[red]x[/b] \\x1b]0;owned\\x07\\x1b[2J\\x9b31m\\u202e\\r\\n\n"
