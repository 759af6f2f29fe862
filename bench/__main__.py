"""wae-bench, or python -m bench: list the commands, or run one of them."""

from typing import Annotated

import typer

import bench
from bench import cli
from bench.cli.commands import NAME, Commands
from bench.errors import say

app = typer.Typer(**{**cli.TYPER_SETTINGS, "add_completion": True}, cls=Commands)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"{NAME} {bench.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Compare Wasserstein-autoencoder variants on the same data, networks and protocol.

    `wae-bench COMMAND --help` describes a command and its options.
    """
    del version


def main() -> None:
    """Run the console script."""
    app(prog_name=NAME)


if __name__ == "__main__":
    main()
