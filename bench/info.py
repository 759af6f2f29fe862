"""python -m bench.info: what there is to compare, on what, with what."""

import inspect
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench import cli

if TYPE_CHECKING:
    from rich.table import Table
    from torch import nn

    from methods.networks import Architecture

app = typer.Typer(**cli.PLAIN)

EXTRACTORS = {
    "inception": "2048 features of FID's own network (pytorch-fid); columns fid, kid, precision ...",
    "classifier": "64 features of a small classifier trained on the data set's labels; columns fd_classifier, "
    "kd_classifier ..., not FID",
    "rotation": "the same network, trained to tell by how much an image was turned, where there are no labels; columns "
    "fd_rotation ..., not FID",
}


def collect() -> dict[str, Any]:
    """Everything `bench.info --json` prints: methods, priors, datasets, networks, extractors ..."""
    from bench.data.datasets import DATASETS
    from bench.evaluation.samplers import SAMPLERS
    from bench.experiment.settings import dataset_defaults, settings
    from methods import METHODS
    from methods.networks import NETWORKS
    from methods.networks.initialisation import INITIALISATIONS
    from methods.priors import PRIORS

    datasets = {
        name: {"about": d.about, "images": d.images, "files": d.layout, "defaults": dataset_defaults(name)}
        for name, d in DATASETS.items()
    }
    return {
        "methods": {name: _method(method) for name, method in METHODS.items()},
        "priors": {name: _first_line(prior) for name, prior in PRIORS.items()},
        "datasets": datasets,
        "networks": {name: _network(architecture) for name, architecture in NETWORKS.items()},
        "initialisations": {name: _first_line(function) for name, function in INITIALISATIONS.items()},
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


def _network(architecture: "Architecture") -> dict[str, Any]:
    """Parameters, and floating-point operations of one image's way through, at the published shape, width and codes."""
    import torch

    a = architecture
    with torch.device("meta"):  # weights take no memory, and no time to draw
        encoder, decoder = a.encoder(a.shape, a.latent_dim, a.width), a.decoder(a.shape, a.latent_dim, a.width)
    return {
        "about": a.about,
        "sides_multiple_of": a.multiple_of,
        "image_shape": list(a.shape),
        "width": a.width,
        "latent_dim": a.latent_dim,
        "encoder_parameters": sum(p.numel() for p in encoder.parameters()),
        "decoder_parameters": sum(p.numel() for p in decoder.parameters()),
        "encoder_flops": flops(encoder, a.shape),
        "decoder_flops": flops(decoder, (a.latent_dim,)),
    }


def flops(body: "nn.Module", shape: tuple[int, ...]) -> int:
    """Floating-point operations of a forward pass for one input of `shape`, two to a multiply-add.

    Of convolutions and linear layers, as customary. The batch is empty, so nothing is computed and new, unwritten
    weights do. (FlopCounterMode says the same; what torch imports for a pass over "meta" tensors takes over a second.)
    """
    import torch
    from torch import Tensor, nn

    counts: list[int] = []

    def count(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        weight = module.get_parameter("weight")  # all of it is used once at every one of these places
        places = inputs[0] if isinstance(module, nn.ConvTranspose2d) else output
        counts.append(2 * weight.numel() * places.shape[2:].numel())

    for module in body.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            module.register_forward_hook(count)
    with torch.inference_mode():
        untouched = {name: torch.empty(t.shape, dtype=t.dtype) for name, t in body.state_dict().items()}
        body.load_state_dict(untouched, assign=True)
        body.eval()(torch.empty(0, *shape))
    return sum(counts)


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


@app.command(cls=cli.Command)
def main(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    plugin: cli.Plugins = None,
) -> None:
    """List methods with their hyperparameters, data sets, networks, priors and extractors."""
    from bench.experiment import plugins

    plugins.install_all(plugin or [])
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
    console.print(_network_table(found["networks"]))
    console.print("  encoder + decoder; forward for one image, 2 operations a multiply-add", highlight=False)
    console.print("[bold]settings[/] (--set or YAML; defaults, where configs/datasets/ says nothing else)")
    console.print("  " + ", ".join(f"{key}={value}" for key, value in found["settings"].items()), highlight=False)
    for kind in ("initialisations", "priors", "extractors", "samplers"):
        console.print(f"[bold]{kind}[/]")
        for name, about in found[kind].items():
            console.print(f"  {name}: {about}", highlight=False)


def _network_table(networks: dict[str, dict[str, Any]]) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("  network")
    for heading in ("images", "width", "latent_dim", "million parameters", "GFLOPs"):
        table.add_column(heading, justify="right")
    for name, n in networks.items():
        parameters = f"{n['encoder_parameters'] / 1e6:.2f} + {n['decoder_parameters'] / 1e6:.2f}"
        operations = f"{n['encoder_flops'] / 1e9:.3f} + {n['decoder_flops'] / 1e9:.3f}"
        shape = "x".join(map(str, n["image_shape"]))
        table.add_row(f"  {name}", shape, str(n["width"]), str(n["latent_dim"]), parameters, operations)
    return table


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
