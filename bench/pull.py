"""python -m bench.pull s3://bucket/results/digits: copy an experiment from an object store to this machine."""

from pathlib import Path
from typing import Annotated

import typer

from bench import cli
from bench.errors import UserError, plural, say

app = typer.Typer(**cli.TYPER_SETTINGS)


@app.command(cls=cli.Command)
def main(
    uri: Annotated[
        str, typer.Argument(help="URI of the experiment: the --storage of its bench.run, then the experiment's name.")
    ],
    out: Annotated[Path | None, typer.Option(help="Directory of the copy. Default: results/NAME.")] = None,
    checkpoints: Annotated[
        bool, typer.Option("--checkpoints", help="Also copy the checkpoints, which are large.")
    ] = False,
) -> None:
    """Copy an experiment, or its new files only, so that bench.report and the other commands can use it.

    The experiment may still be running.
    """
    from bench.io.files import display_path
    from bench.io.object_store import remote
    from bench.store.folders import ExperimentFolder
    from bench.store.lock import locked, refuse_other_storage

    home = remote(uri)
    folder = ExperimentFolder((out or Path("results") / home.name).resolve(), home)
    if not (home / "experiment.yaml").exists():
        raise UserError(f"{home} is not an experiment: it has no experiment.yaml")
    with locked(ExperimentFolder(folder.path)):  # locks the copy only: the experiment may be running elsewhere
        refuse_other_storage(folder)
        file_count = folder.pull(checkpoints=checkpoints)
    say(f"{plural(file_count, 'new file')}; {plural(len(folder.trials()), 'trial')} in {display_path(folder.path)}")
    say(f"to report: python -m bench.report {display_path(folder.path)}")


if __name__ == "__main__":
    app()
