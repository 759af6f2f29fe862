"""python -m bench.pull s3://bucket/results/digits: a copy, on this machine, of an experiment in an object store."""

from pathlib import Path
from typing import Annotated

import typer

from bench import cli
from bench.errors import UserError
from bench.io.files import display_path

app = typer.Typer(**cli.PLAIN)


@app.command(cls=cli.Command)
def main(
    uri: Annotated[str, typer.Argument(help="Of the experiment: what --storage was, and the experiment's name.")],
    out: Annotated[Path | None, typer.Option(help="The copy's folder; default results/<name>.")] = None,
    checkpoints: Annotated[bool, typer.Option("--checkpoints", help="Also these, which are large.")] = False,
) -> None:
    """Copy what is new since the last time; the experiment may be running. Then bench.report and all others read it."""
    from bench.io.object_store import remote
    from bench.store.folders import ExperimentFolder
    from bench.store.lock import locked, refuse_other_storage

    home = remote(uri)
    folder = ExperimentFolder((out or Path("results") / home.name).resolve(), home)
    if not (home / "experiment.yaml").exists():
        raise UserError(f"{home} is no experiment: it has no experiment.yaml")
    with locked(ExperimentFolder(folder.path)):  # of this machine; the experiment may be running elsewhere
        refuse_other_storage(folder)
        copied = folder.pull(checkpoints=checkpoints)
    size = f"{copied} files are new; {len(folder.trials())} trials are in {display_path(folder.path)}"
    print(f"{size}\nto report: python -m bench.report {display_path(folder.path)}")


if __name__ == "__main__":
    app()
