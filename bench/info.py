"""python -m bench.info: list methods, data sets, networks, priors and settings."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from bench import cli
from bench.errors import say

app = typer.Typer(**cli.TYPER_SETTINGS)


@app.command(cls=cli.Command)
def main(
    method: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Name of a method: show only this one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    plugin: cli.Plugins = None,
) -> None:
    """List methods with their hyperparameters, data sets, networks, priors, extractors, optimisers and settings."""
    from bench.cli.listing import show, show_methods
    from bench.driver.catalogue import collect
    from bench.experiment.method_names import find_method
    from bench.plugins import installation

    installation.install_all(plugin or [])
    catalogue = collect(method and find_method(method))
    if not as_json:
        show(catalogue) if method is None else show_methods(catalogue)
        return
    facts = asdict(catalogue) if method is None else asdict(catalogue)["methods"]
    for line in json.dumps(facts, indent=2).splitlines():
        say(line)


if __name__ == "__main__":
    app()
