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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    plugin: cli.Plugins = None,
) -> None:
    """List methods with their hyperparameters, data sets, networks, priors, extractors and settings."""
    from bench.cli.listing import show
    from bench.driver.catalogue import collect
    from bench.experiment import plugins

    plugins.install_all(plugin or [])
    catalogue = collect()
    if not as_json:
        show(catalogue)
        return
    for line in json.dumps(asdict(catalogue), indent=2).splitlines():
        say(line)


if __name__ == "__main__":
    app()
