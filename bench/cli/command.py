"""Run commands so that a user's mistake ends in one line on standard error, without a traceback."""

import functools
import inspect
import itertools
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from bench.cli import streams
from bench.errors import UserError, escape_surrogates, say
from bench.runtime import signals

INTERRUPTED = {signals.Interrupted(number).status for number in signals.HANDLED}
TYPER_SETTINGS: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}

COMMA_SEPARATED = ("methods", "log")  # options that take several values in one

Options = TypeVar("Options")


class Command(TyperCommand):
    """A command that reports a user's mistake in one line. An option that takes one value may be given once."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line.

        Raises:
            UserError: an option is repeated of which only the last value would count.
        """
        if not ctx.resilient_parsing:  # completing a command line, which is unfinished
            _refuse_repeated(self.make_parser(ctx).parse_args(args=list(args))[2], args)
        return super().parse_args(ctx, args)

    def main(self, args: Sequence[str] | None = None, *others: Any, **settings: Any) -> NoReturn:
        """Run the command and exit. args: by default those of the command line."""
        _run(super().main, command_line(args), *others, **settings)


class Group(TyperGroup):
    """A group of commands that reports a user's mistake in one line."""

    def main(self, args: Sequence[str] | None = None, *others: Any, **settings: Any) -> NoReturn:
        """Run the command that the first argument names, and exit. args: by default those of the command line."""
        _run(super().main, command_line(args), *others, **settings)


def with_options(options_class: type[Options]) -> Callable[[Callable[[Options], Any]], Callable[..., Any]]:
    """Make each field of a dataclass an option of the decorated command.

    Args:
        options_class: The dataclass; annotations of its fields hold typer's descriptions. The command receives an
            instance.
    """

    def decorate(command: Callable[[Options], Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def call(**values: Any) -> Any:
            return command(options_class(**values))

        call.__signature__ = inspect.signature(options_class)  # pyright: ignore[reportAttributeAccessIssue]
        call.__annotations__ = {}  # typer would evaluate what the command returns, whose import --help does not need
        return call

    return decorate


def command_line(args: Sequence[str] | None) -> list[str]:
    """Return the arguments given or, by default, those of the process."""
    return list(sys.argv[1:] if args is None else args)


def _run(main: Callable[..., Any], arguments: list[str], *others: Any, **settings: Any) -> NoReturn:
    streams.prepare()
    _refuse_empty(arguments)
    _refuse_undecodable(arguments)
    try:
        with signals.handled():
            code = main(arguments, *others, **{**settings, "standalone_mode": False})
    except UserError as error:
        _end(str(error), error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        code = signals.status()
    except BrokenPipeError:  # `| head` has seen enough
        code = 1
    except OSError as error:  # any error of the operating system, such as a path that is too long or a failing disk
        _end(f"cannot use {error.filename or 'a file'}: {error.strerror or error}", 1)
    except Exception as error:
        # Click's errors have format_message. Their class is private: typer contains a copy of Click.
        message = getattr(error, "format_message", None)
        if message is None:
            fault = _fault_of_plugin(error)
            if fault is None:
                raise
            _end(fault, UserError.exit_code)
        problem = f"{message().splitlines()[0].rstrip('.')}; --help lists the options"
        _end(_advice(error, arguments) or problem, 2)
    finally:
        streams.settle()
    if code in INTERRUPTED:  # typer handles KeyboardInterrupt itself, and takes any for Ctrl-C
        code = signals.status()
        say("", error=True)  # ends the line of ^C
        say("interrupted; run the same command again to continue", error=True)
    sys.exit(code if isinstance(code, int) else 0)


def _fault_of_plugin(error: Exception) -> str | None:
    installation = sys.modules.get("bench.plugins.installation")  # imported only if the command knows plug-ins
    return installation.fault(error) if installation else None


def _advice(error: Exception, arguments: list[str]) -> str | None:
    """Return the line for an unknown option whose name begins that of an option, or is that of a setting."""
    option, context = getattr(error, "option_name", None), getattr(error, "ctx", None)
    if not option or not context:
        return None
    options = {name: each for each in context.command.params for name in each.opts}
    longer = [name for name in options if name.startswith(option)]
    if longer:  # --seed
        help_text = options[longer[0]].help.partition(". ")[0].rstrip(".")
        return f"No such option: {option}; did you mean {longer[0]}? {help_text}" if len(longer) == 1 else None
    if "--set" not in options:
        return None
    from bench.cli import advice  # not at the top: it imports torch

    taken = [name.lstrip("-").replace("-", "_") for name in options]
    methods = ",".join(_values("--methods", arguments))
    meant = advice.meaning(option.lstrip("-").replace("-", "_"), taken, methods)
    value = next(iter(_values(option, arguments)), "VALUE")
    return f"No such option: {option}; write {meant.typed(value)}" if meant else None


def _refuse_empty(arguments: list[str]) -> None:
    """Refuse an empty value, as from an unset shell variable: an empty path would mean the working directory."""
    for before, argument in zip(["an argument", *arguments], arguments, strict=False):
        if argument == "" or (argument.startswith("--") and argument.endswith("=")):
            _end(f"{argument.rstrip('=') or before} is empty; is a shell variable unset?", 2)


def _refuse_undecodable(arguments: list[str]) -> None:
    """Refuse arguments, and a working directory, that are not UTF-8: neither results nor reports can name them."""
    for what, text in (*(("argument", argument) for argument in arguments), ("working directory", os.getcwd())):  # noqa: PTH109
        if escape_surrogates(text) != text:
            _end(f"the {what} {text} is not UTF-8; rename it", 2)


def _refuse_repeated(given: list[Any], arguments: list[str]) -> None:
    """Refuse an option that takes one value and is given twice. `given`: a parameter for each option, as parsed."""
    for option in given:
        if option.param_type_name != "option" or option.multiple or given.count(option) < 2:
            continue
        names = [name for name in [*option.opts, *option.secondary_opts] if name.startswith("--")]
        if option.is_flag:
            typed = [name for name in names if name in arguments]
            if len(typed) > 1:
                raise UserError(f"{' and '.join(typed)} contradict each other; give one")
            continue  # repeating a flag changes nothing
        values = _values(names[0], arguments)
        advice = f"write {names[0]} {','.join(values)}" if option.name in COMMA_SEPARATED else "give it once"
        raise UserError(f"{names[0]} is given {given.count(option)} times ({', '.join(values)}); {advice}")


def _values(name: str, arguments: list[str]) -> list[str]:
    """Return the values of an option in the order in which they were typed."""
    apart = {i: value for i, (argument, value) in enumerate(itertools.pairwise(arguments)) if argument == name}
    joined = {i: a.removeprefix(f"{name}=") for i, a in enumerate(arguments) if a.startswith(f"{name}=")}
    return [value for _, value in sorted((apart | joined).items())]


def _end(message: str, code: int) -> NoReturn:
    say(f"error: {message}", error=True)
    sys.exit(code)
