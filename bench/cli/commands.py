"""The command `wae-bench`: all commands in one group. The module of a command is imported only when it is needed."""

import importlib
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand

from bench.cli.command import Group, command_line
from bench.errors import unknown

NAME = "wae-bench"
COMMANDS = {  # at most 62 characters a line: longer ones are cut in a terminal of 80 columns
    "run": "Train methods on a data set, evaluate them, write a report.",
    "report": "Write the report of one experiment, or of several together.",
    "evaluate": "Score finished trials again, under another protocol.",
    "sample": "Write images that a trained method generates or reconstructs.",
    "info": "List methods, data sets, networks, priors and settings.",
    "check": "Check a method against the contract for methods.",
    "prepare": "Download and decode a data set ahead of time.",
    "pull": "Copy an experiment from an object store to this machine.",
    "clean": "Show disk usage by kind, and remove what is not needed.",
}


class Commands(Group):
    """The group of all commands. A command's module is imported to run it, to show its help or to complete its options.

    `ctx` is a Context of Click, typed as Any: its class is private, because typer contains a copy of Click.
    """

    def main(self, args: Sequence[str] | None = None, *others: Any, **settings: Any) -> NoReturn:
        """Run the command that the first argument names, as `python -m bench.NAME` does, and exit."""
        words = command_line(args)
        if words and words[0] in COMMANDS:
            name, *arguments = words
            sys.argv = [f"{NAME} {name}", *arguments]  # some commands record their options in an experiment
            _command(name).main(arguments, prog_name=f"{NAME} {name}")
        super().main(words, *others, **settings)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the names of the commands, in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:  # noqa: ARG002
        """Return a command that has only a name and a line of help."""
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name]) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that the first argument names, to complete its options.

        Raises:
            UserError: The command is unknown.
        """
        name, *arguments = args
        if name in COMMANDS:
            return name, _command(name), arguments
        if ctx.resilient_parsing:
            return None, None, arguments
        raise unknown("command", name, COMMANDS)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show the help, which lists the commands, if no command is named."""
        return super().parse_args(ctx, args or ([] if ctx.resilient_parsing else ["--help"]))


def _command(name: str) -> Any:
    return typer.main.get_command(importlib.import_module(f"bench.{name}").app)
