"""bench.run from Python: keyword arguments become the command line, so that both mean the same."""

import importlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING

import typer

from bench.cli.command import COMMA_SEPARATED, INTERRUPTED
from bench.cli.run_options import RunOptions
from bench.errors import UserError, unknown, warn

if TYPE_CHECKING:
    from bench.api import Loaded

LEFT_OUT = {"sets", "sweep", "dry_run", "yes"}  # settings= stands for --set; a sweep is a loop; nothing is asked
SWITCHES = {"grey": "--colour"}  # the option that False stands for; elsewhere it stands for none
REPEATED = ("plugin", "resource")


def run(settings: Mapping[str, object] | None = None, **options: object) -> "Loaded":
    """Train, evaluate and report, as bench.run does; see there for the options.

    Args:
        settings: --set, as {"training.epochs": 3}.
        options: the other options, with underscores: methods=["moco", "mmd"], dataset="digits".

    Raises:
        UserError: an option is unknown or its value is not allowed, or the command line would be refused.
        KeyboardInterrupt: as on Ctrl-C; the same call goes on.
    """
    from bench.api import Loaded

    command = importlib.import_module("bench.run")
    arguments = [
        *command_line(options),
        *(part for text in _assignments(settings) for part in ("--set", text)),
        "--yes",
    ]
    with _recorded(arguments):
        try:
            context = typer.main.get_command(command.app).make_context("bench.run", list(arguments))
            folder = context.command.invoke(context)
        except SystemExit as end:
            if end.code in INTERRUPTED:
                raise KeyboardInterrupt from None
            raise
        except Exception as error:
            message = getattr(error, "format_message", None)  # click's errors, whose class typer keeps private
            if message is None:
                raise
            raise UserError(message()) from None
    loaded = Loaded.open(folder.path)
    lost = loaded.trials[loaded.trials["state"] != "done"]
    if len(lost):
        warn(f"{len(lost)} of {len(loaded.trials)} trials did not finish; .trials says why")
    return loaded


def command_line(options: Mapping[str, object]) -> list[str]:
    """Return the arguments of bench.run that mean these options.

    Raises:
        UserError: one is unknown.
    """
    names = {field.name for field in fields(RunOptions)} - LEFT_OUT
    arguments: list[str] = []
    for name, value in options.items():
        if name not in names:
            raise unknown("argument", name, ["settings", *names])
        flag = f"--{name.replace('_', '-')}"
        if value is False and name in SWITCHES:
            arguments.append(SWITCHES[name])
        elif value is True:
            arguments.append(flag)
        elif name in COMMA_SEPARATED and not isinstance(value, str) and value is not None:
            arguments += [flag, ",".join(_texts(name, value))]
        elif name in REPEATED and not isinstance(value, str) and value is not None:
            arguments += [part for text in _texts(name, value) for part in (flag, text)]
        elif value is not None and value is not False:
            arguments += [flag, str(value)]
    return arguments


def _texts(name: str, value: object) -> list[str]:
    if not isinstance(value, Iterable):
        raise UserError(f"{name} takes a list of texts, such as {name}=['moco'], not {value!r}")
    return [str(item) for item in value]


def _assignments(settings: Mapping[str, object] | None) -> list[str]:
    if settings is not None and not isinstance(settings, Mapping):
        raise UserError(f"settings takes a dict, such as {{'training.epochs': 3}}, not {settings!r}")
    return [
        f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in (settings or {}).items()
    ]


@contextmanager
def _recorded(arguments: list[str]) -> Iterator[None]:
    """Let the experiment record the equivalent command."""
    before = sys.argv
    sys.argv = ["bench.run", *arguments]
    try:
        yield
    finally:
        sys.argv = before
