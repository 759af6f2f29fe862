"""python -m bench.report results/NAME ...: tables, figures and one page out of trial folders."""

import errno
from pathlib import Path
from typing import Annotated

import typer

from bench import cli
from bench.errors import RunError, UserError
from bench.reporting import merge
from bench.reporting.build import _replaceable, print_tables, write
from bench.store.folders import ExperimentFolder

app = typer.Typer(**cli.PLAIN)


@app.command(cls=cli.Command)
def main(
    experiments: Annotated[list[Path], typer.Argument(help="Their folders, such as results/digits.")],
    out: Annotated[
        Path | None, typer.Option(help="Where the report goes; several experiments need it, one has its own report/.")
    ] = None,
) -> None:
    """Make tables, figures and one page out of the trials of one experiment, or of several together."""
    if len(experiments) > 1 and out is None:
        raise UserError("several experiments need a folder for their report; add --out DIR")
    if out is not None and not _replaceable(out):
        raise UserError(f"{out} holds something else than a report; give --out a new folder")
    found = merge.load(experiments)
    report = out.resolve() if out else ExperimentFolder(experiments[0]).report
    try:
        write(found, report)
    except RunError as error:
        cause = error.__cause__
        if out is None and isinstance(cause, OSError) and cause.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise RunError(f"{error}; choose another place with --out DIR") from error
        raise
    for group in found:
        print_tables(group)
    print(f"report: {report / 'index.html'}")


if __name__ == "__main__":
    app()
