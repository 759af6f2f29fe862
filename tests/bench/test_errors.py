"""Errors and warnings that a user sees."""

import io

import pytest
from rich.console import Console

from bench.errors import did_you_mean_file, markup, say, unknown, warn, with_article

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


def test_a_name_that_plug_ins_may_add_is_said_to_need_its_file():
    remedy = " If a plug-in adds it, give its file: --plugin FILE"
    assert str(unknown("network", "dens", ["dense"])) == f"unknown network 'dens'. Did you mean dense?{remedy}"
    assert remedy not in str(unknown("logger", "tensorbord", ["tensorboard"]))


@pytest.mark.parametrize(("noun", "named"), [("optimiser", "an optimiser"), ("method", "a method")])
def test_a_noun_has_its_article(noun, named):
    assert with_article(noun) == named


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("plug/enrgy.py", "plug/energy.py"), ("plgu/energy.py", "plug/energy.py"), ("plug/energy.py", None),
     ("plug/x.py", None), ("plug/energy.yaml", None), ("plgu/other.py", None), ("x" * 5000, None)],
)  # fmt: skip
def test_a_misspelt_file_or_folder_is_told_by_its_siblings(tmp_path, typed, meant):
    (tmp_path / "plug").mkdir()
    (tmp_path / "plug" / "energy.py").touch()
    expected = f". Did you mean {tmp_path / meant}?" if meant else ""
    assert did_you_mean_file(tmp_path / typed) == expected
