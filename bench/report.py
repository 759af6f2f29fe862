"""python -m bench.report results/NAME ...: build tables, figures and one page from trial folders."""

import errno
from pathlib import Path
from typing import Annotated

import typer

from bench import cli
from bench.errors import RunError, UserError, say, unknown

app = typer.Typer(**cli.TYPER_SETTINGS)


@app.command(cls=cli.Command)
def main(
    experiments: Annotated[list[Path], typer.Argument(help="Directories of the experiments, such as results/digits.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Directory for the report. Default: report/ in the experiment's directory; required for several "
            "experiments."
        ),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="The method that the verdict is about. Default: that of the run.")
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="The smallest difference worth telling, such as 0.05 for 5%. Default: that of the run."),
    ] = None,
    latex: Annotated[
        str | None,
        typer.Option(
            help="column: one LaTeX table that fits a column. page: every unfolded table. Default: that of the run."
        ),
    ] = None,
    light: Annotated[
        bool | None,
        typer.Option(
            "--light/--no-light",
            help="Write a small page with static figures, such as for e-mail. Default: that of the run.",
        ),
    ] = None,
) -> None:
    """Build tables, figures and one page from the trials of one or several experiments."""
    from bench.reporting import merge
    from bench.reporting.build import is_replaceable, print_tables, write
    from bench.reporting.group import as_asked

    if len(experiments) > 1 and out is None:
        raise UserError("several experiments need a folder for their report; add --out DIR")
    if out is not None and not is_replaceable(out):
        raise UserError(f"{out} is not a report and would be overwritten; give --out a new folder")
    loaded = merge.load(experiments)
    if baseline:
        baseline = _label(baseline, {label for group in loaded for label in group.summary["variant"]})
    groups = [as_asked(group, baseline, margin, latex, light) for group in loaded]
    report = out.resolve() if out else groups[0].folders[0].report
    try:
        write(groups, report)
    except RunError as error:
        cause = error.__cause__
        if out is None and isinstance(cause, OSError) and cause.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise RunError(f"{error}; choose another place with --out DIR") from error
        raise
    for group in groups:
        print_tables(group, report)
    say(f"report: {report / 'index.html'}")


def _label(baseline: str, labels: set[str]) -> str:
    """The baseline as a label names it.

    Raises:
        UserError: it names none of the variants.
    """
    from bench.experiment.labels import is_named

    if any(is_named(label, baseline) for label in labels):
        return baseline
    from bench.experiment.method_names import with_key  # imports torch, which no other report needs

    if not any(is_named(label, with_key(baseline)) for label in labels):
        raise unknown("baseline", baseline, labels)
    return with_key(baseline)


if __name__ == "__main__":
    app()
