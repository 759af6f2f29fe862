"""Errors and warnings that a user sees."""

from bench.errors import warn


def test_a_warning_is_one_line_on_standard_error(capsys):
    warn("a\nb\x1b[2J is damaged")
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == "warning: a\\nb\\x1b[2J is damaged\n"
