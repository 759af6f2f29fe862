"""Commands and their options, from the commands themselves."""

import importlib

import typer

from bench.cli.commands import COMMANDS
from docs_build.tables import escaped, table


def all_commands() -> str:
    """Return a list of the commands, then the help, arguments and options of each."""
    contents = [[f"[{name}](#{name})", about] for name, about in COMMANDS.items()]
    return "\n".join([table(["command", "what it does"], contents), *map(_command, COMMANDS)])


def _command(name: str) -> str:
    command = typer.main.get_command(importlib.import_module(f"bench.{name}").app)
    context = command.make_context(name, [], resilient_parsing=True)
    arguments, options = [], []
    for parameter in command.params:
        shown, explained = parameter.get_help_record(context) or ("", "")
        kind = arguments if parameter.param_type_name == "argument" else options
        kind.append([f"`{shown}`", explained])
    parts = [f"## {name}\n", escaped(command.help or ""), ""]
    parts += [table(["argument", "what it is"], arguments)] if arguments else []
    parts += [table(["option", "what it does"], options)]
    return "\n".join(parts)
