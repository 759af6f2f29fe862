"""python -m bench.info: what there is to compare, on what, with what."""

import inspect
import json
from typing import Annotated, Any

import typer

from bench import cli

app = typer.Typer(**cli.PLAIN)

EXTRACTORS = {
    "inception": "2048 features of FID's own network (pytorch-fid); columns fid, kid, precision ...",
    "classifier": "64 features of a small classifier trained on the data set's labels; columns fd_classifier, "
    "kd_classifier ..., not FID",
    "rotation": "the same network, trained to tell by how much an image was turned, where there are no labels; columns "
    "fd_rotation ..., not FID",
}


def collect() -> dict[str, Any]:
    """Everything `bench.info --json` prints: methods, datasets, networks, priors, extractors."""
    from bench.config import dataset_defaults, settings
    from bench.datasets import DATASETS
    from bench.evaluation.samplers import SAMPLERS
    from methods import METHODS
    from methods.networks import NETWORKS
    from methods.priors import PRIORS

    datasets = {
        name: {"about": d.about, "images": d.images, "files": d.layout, "defaults": dataset_defaults(name)}
        for name, d in DATASETS.items()
    }
    return {
        "methods": {name: _method(method) for name, method in METHODS.items()},
        "priors": {name: _first_line(prior) for name, prior in PRIORS.items()},
        "datasets": datasets,
        "networks": {n: {"about": a.about, "sides_multiple_of": a.multiple_of} for n, a in NETWORKS.items()},
        "extractors": EXTRACTORS,
        "samplers": SAMPLERS,
        "settings": settings(),
    }


def _method(method: Any) -> dict[str, Any]:
    from methods.hyperparameters import schema

    parameters = {}
    for name, parameter in schema(method).items():
        search = method.search_space.get(name)
        parameters[name] = {
            "type": parameter.type.__name__,
            "default": parameter.default,
            "allowed": list(parameter.choices) or str(parameter.range),
            "search": None if search is None else str(search),
        }
    return {
        "about": _first_line(method),
        "paper": method.paper,
        "priors": list(method.priors),
        "hyperparameters": parameters,
    }


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


@app.command(cls=cli.Command)
def main(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    plugin: cli.Plugins = None,
) -> None:
    """List methods with their hyperparameters, data sets, networks, priors and extractors."""
    from bench import plugins

    for path in plugin or []:
        plugins.install(plugins.read(path))
    found = collect()
    print(json.dumps(found, indent=2)) if as_json else _show(found)


def _show(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for name, method in found["methods"].items():
        console.print(f"[bold]{name}[/]  {method['about']}", highlight=False)
        console.print(f"  {method['paper']}", highlight=False)
        console.print(f"  prior: {', '.join(method['priors'])} (the first is the default)", highlight=False)
        table = Table(box=None, pad_edge=False, padding=(0, 2))
        for heading in ("  hyperparameter", "default", "type", "allowed", "search"):
            table.add_column(heading)
        for key, p in method["hyperparameters"].items():
            table.add_row(f"  {key}", str(p["default"]), p["type"], str(p["allowed"]), p["search"] or "")
        if method["hyperparameters"]:
            console.print(table)
        console.print()
    for kind in ("datasets", "networks"):
        console.print(f"[bold]{kind}[/]")
        for name, facts in found[kind].items():
            console.print(f"  {name}: {facts['about']}{_sizes(facts)}", highlight=False)
    console.print("[bold]settings[/] (--set or YAML; defaults, where configs/datasets/ says nothing else)")
    console.print("  " + ", ".join(f"{key}={value}" for key, value in found["settings"].items()), highlight=False)
    for kind in ("priors", "extractors", "samplers"):
        console.print(f"[bold]{kind}[/]")
        for name, about in found[kind].items():
            console.print(f"  {name}: {about}", highlight=False)


def _sizes(facts: dict[str, Any]) -> str:
    if "defaults" not in facts:
        return f"; sides a multiple of {facts['sides_multiple_of']}"
    preprocessing = facts["defaults"]["preprocessing"]
    side = preprocessing.get("image_size")
    size = f"; {side}x{side}, {'grey' if preprocessing['channels'] == 1 else 'colour'}" if side else ""
    counts = [f"{count:,}" for count in facts["images"] or []]
    return size + (f", {' + '.join(counts)} (train, validation, test)" if counts else "")


if __name__ == "__main__":
    app()
