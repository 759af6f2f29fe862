"""Output in any locale, into closed streams, full disks and pipes that nobody reads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from project import ROOT

ASCII = [
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "tr_TR.ISO-8859-9"},
    {"LC_ALL": "nonsense"},
]
SHOW = "from bench.cli import command; from bench.errors import say; command._run({body}, [])"


def show(body: str, redirection: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command that does what `body` does, below a shell."""
    line = f'"$0" -c "$1" {redirection}'
    command = ["bash", "-c", line, sys.executable, SHOW.format(body=body)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False, env=os.environ | environment
    )


@pytest.mark.parametrize("environment", ASCII)
def test_characters_that_the_locale_lacks_are_escaped(environment):
    done = show(r"lambda *_, **__: say('a \u2013 b \U0001f600')", **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout in ("a \\u2013 b \\U0001f600\n", "a \u2013 b \U0001f600\n")  # not installed: UTF-8
    assert done.stdout.isascii() or environment not in ASCII[:2]


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_closed_stream_is_none_of_the_files_that_are_opened_later(closed, tmp_path):
    body = (
        f"lambda *_, **__: (f := open({str(tmp_path / 'rows')!r}, 'w'), say('x'), say('y', error=True), f.write('z'))"
    )
    done = show(body, closed)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert Path(tmp_path / "rows").read_text() == "z"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_that_cannot_be_written_is_one_line():
    done = show("lambda *_, **__: say('x')", ">/dev/full")
    assert done.stderr == "error: cannot use a file: No space left on device\n"
    assert done.returncode == 1


def test_a_pipe_that_nobody_reads_ends_a_command_silently():
    done = show("lambda *_, **__: [say('x') for _ in range(10000)]", "| true; exit ${PIPESTATUS[0]}")
    assert done.stderr == ""
