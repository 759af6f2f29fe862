"""How commands end: their statuses and last lines."""

import os
import signal

import pytest
import typer
from typer.testing import CliRunner, Result

from bench import cli


def run(body) -> Result:
    """A command that does what `body` does, without options."""
    app = typer.Typer(**cli.TYPER_SETTINGS)
    app.command(cls=cli.Command)(body)
    return CliRunner().invoke(app, [])


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_any_command_with_its_status_and_how_to_go_on(number, status):
    result = run(lambda: os.kill(os.getpid(), number))
    assert result.exit_code == status
    assert result.stderr.splitlines()[-1] == "interrupted; run the same command again to continue"
