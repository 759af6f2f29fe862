"""bench.run from Python: keyword arguments become the command line, so that both mean the same."""

import importlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from numbers import Real
from os import PathLike
from typing import TYPE_CHECKING, get_args, get_type_hints

import typer

from bench.cli.command import COMMA_SEPARATED, INTERRUPTED
from bench.cli.run_options import RunOptions
from bench.errors import UserError, short, unknown, warn

if TYPE_CHECKING:
    from bench.api import Loaded

LEFT_OUT = {"sets", "sweep", "dry_run", "yes"}  # settings= stands for --set; a sweep is a loop; nothing is asked
SWITCHES = {"grey": "--colour", "live": "--no-live"}  # the option that False stands for; elsewhere it stands for none
REPEATED = ("plugin", "resource")
EXAMPLES = {"methods": "'moco'", "log": "'mlflow'", "plugin": "'mine.py'", "resource": "'a100=1'"}
HINTS = get_type_hints(RunOptions)


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
            raise _unknown(name, value, sorted(names), str(options.get("methods")))
        flag = f"--{name.replace('_', '-')}"
        _refuse_other_type(name, value)
        if value is False and name in SWITCHES:
            arguments.append(SWITCHES[name])
        elif value is True:
            arguments.append(flag)
        elif name in COMMA_SEPARATED and value is not None:
            arguments += [flag, ",".join(_texts(value))]
        elif name in REPEATED and value is not None:
            arguments += [part for text in _texts(value) for part in (flag, text)]
        elif value is not None and value is not False:
            arguments += [flag, str(value)]
    return arguments


def _unknown(name: str, value: object, names: Sequence[str], methods: str) -> UserError:
    """The error for an argument that does not exist, but may be the name of a setting or of a hyperparameter."""
    from bench.cli import advice  # not at the top: bench.run --help need not wait for it

    longer = any(each.startswith(name) for each in names)  # seed: seeds
    meant = None if longer else advice.meaning(name, ["settings", *names], methods)
    if meant:
        return UserError(f"there is no argument {name}; write {meant.called(value)}")
    return unknown("argument", name, ["settings", *names])


def _refuse_other_type(name: str, value: object) -> None:
    """Refuse what the command line would take for something else: True is no value, "no" no switch, a list no path."""
    if value is None:
        return
    is_switch = bool in (HINTS[name], *get_args(HINTS[name]))
    if isinstance(value, bool) != is_switch:
        raise UserError(f"{name} takes {'True or False' if is_switch else 'a value'}, not {short(value)}")
    several = name in COMMA_SEPARATED or name in REPEATED
    # A set has no order, and of a dict the values would be lost.
    if not isinstance(value, (str, PathLike, list, tuple) if several else (str, PathLike, Real)):
        needed = f"a list of texts, such as {name}=[{EXAMPLES[name]}]" if several else "one value"
        raise UserError(f"{name} takes {needed}, not {short(value)}")


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]


def _assignments(settings: Mapping[str, object] | None) -> list[str]:
    if settings is not None and not isinstance(settings, Mapping):
        raise UserError(f"settings takes a dict, such as {{'training.epochs': 3}}, not {settings!r}")
    return [
        f"{key}={value if isinstance(value, str) else _written(key, value)}" for key, value in (settings or {}).items()
    ]


def _written(key: str, value: object) -> str:
    """A number or a list as --set takes it. NumPy's numbers are converted."""
    try:
        return json.dumps(value, default=lambda number: number.item())
    except (TypeError, ValueError, AttributeError):
        raise UserError(f"settings takes numbers, texts and lists of them, not {key} = {short(value)}") from None


@contextmanager
def _recorded(arguments: list[str]) -> Iterator[None]:
    """Let the experiment record the equivalent command."""
    before = sys.argv
    sys.argv = ["bench.run", *arguments]
    try:
        yield
    finally:
        sys.argv = before
