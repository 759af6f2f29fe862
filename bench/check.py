"""python -m bench.check: check methods against the contract in methods/base.py, and list violations."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench import cli

app = typer.Typer(**cli.TYPER_SETTINGS)


@app.command(cls=cli.Command)
def main(
    method: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|FILE.py]",
            help="Name of a method, or of what a plug-in adds; or a plug-in file, whose code is run. Default: all "
            "methods.",
        ),
    ] = None,
    prior: Annotated[
        str | None, typer.Option(help="Check under this prior only. Default: each prior that the method supports.")
    ] = None,
    plugin: cli.Plugins = None,
    data_root: Annotated[
        Path, typer.Option(help="Directory that holds the files of a plug-in's data set, in a folder of its name.")
    ] = Path("data"),
) -> None:
    """Check a method or a plug-in, or every registered method, against the contract of its kind.

    Prints one line per check of a method, then a summary; one line for anything else.
    """
    from bench.contract.command import check_all

    sys.exit(0 if check_all(method, prior, plugin or [], data_root) else 1)


if __name__ == "__main__":
    app()
