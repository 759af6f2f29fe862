"""python -m bench.check: whether a method keeps the contract of methods/base.py, and what it breaks."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench import cli
from bench.errors import UserError, unknown

app = typer.Typer(**cli.PLAIN)


@app.command(cls=cli.Command)
def main(
    method: Annotated[
        str | None,
        typer.Argument(metavar="[NAME|FILE.py]", help="A method, or a plug-in: a file with METHODS, which is run."),
    ] = None,
    prior: Annotated[str | None, typer.Option(help="Only under this one; default each that a method supports.")] = None,
) -> None:
    """Hold a method against the contract, or every one there is: a line a check, and a verdict."""
    pairs = _pairs(_names(method), prior)
    kept = [_examine(name, chosen) for name, chosen in pairs]
    sys.exit(0 if all(kept) else 1)


def _names(method: str | None) -> list[str]:
    from bench.experiment import plugins
    from methods import METHODS

    plugins.install_all()
    if method is None:
        return list(METHODS)
    if method.endswith(".py"):
        plugin = plugins.read(Path(method))
        plugins.install(plugin)
        return list(vars(sys.modules[plugin.module])["METHODS"])
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    return [method]


def _pairs(names: list[str], prior: str | None) -> list[tuple[str, str]]:
    """Methods with the priors under which they are asked."""
    from methods import METHODS
    from methods.priors import PRIORS

    if prior not in (None, *PRIORS):
        raise unknown("prior", prior, PRIORS)
    pairs = [(name, p) for name in names for p in METHODS[name].priors if prior in (None, p)]
    if not pairs:
        supported = dict.fromkeys(p for name in names for p in METHODS[name].priors)
        raise UserError(f"{', '.join(names)} does not support prior={prior}; it supports {', '.join(supported)}")
    return pairs


def _examine(name: str, prior: str) -> bool:
    """Print what all checks say of one method under one prior; whether none is broken."""
    from bench.contract import examine
    from methods import METHODS

    print(f"{name}, prior {prior}")
    verdicts = []
    for verdict in examine(METHODS[name], prior):
        verdicts.append(verdict)
        print(f"  {verdict.state:<9}  {verdict.check:<9}  {verdict.reason}".rstrip(), flush=True)
    broken = [verdict.check for verdict in verdicts if verdict.state == "broken"]
    seconds = sum(verdict.seconds for verdict in verdicts)
    said = f"breaks the contract: {', '.join(broken)}" if broken else "keeps the contract"
    print(f"{name}, prior {prior}: {said} ({seconds:.0f} s)\n")
    return not broken


if __name__ == "__main__":
    app()
