"""Print the catalogue of methods, data sets, networks and settings."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from bench.driver.catalogue import Catalogue, DatasetFacts, MethodFacts, NetworkFacts
from bench.experiment.variants import LEARNING_RATES

TITLES = {"metrics": "optional metrics (evaluation.metrics, bench.evaluate --metrics)"}


def show(catalogue: Catalogue) -> None:
    """Print the catalogue as text and tables."""
    console = show_methods(catalogue)
    console.print("[bold]datasets[/]")
    for name, dataset in catalogue.datasets.items():
        console.print(f"  {name}: {dataset.about}{_sizes(dataset)}")
        for variant, values in dataset.defaults.get("defaults", {}).items():
            console.print(
                f"    its defaults of {variant}: {', '.join(f'{k}={v}' for k, v in values.items())}", markup=False
            )
    console.print("[bold]networks[/]")
    for name, network in catalogue.networks.items():
        console.print(f"  {name}: {network.about}; sides a multiple of {network.sides_multiple_of}")
    console.print(_network_table(catalogue.networks))
    console.print("  encoder + decoder; GFLOPs of one image's forward pass, 2 operations per multiply-add")
    console.print("[bold]settings[/] (--set or YAML; defaults, unless configs/datasets/ has another value)")
    console.print("  " + ", ".join(f"{key}={value}" for key, value in catalogue.settings.items()))
    for kind in ("initialisations", "priors", "extractors", "samplers", "optimisers", "metrics"):
        console.print(f"[bold]{TITLES.get(kind, kind)}[/]")
        for name, about in getattr(catalogue, kind).items():
            console.print(f"  {name}: {about}")


def show_methods(catalogue: Catalogue) -> Console:
    """Print the methods with their hyperparameters; returns the console."""
    console = Console(highlight=False)
    for name, method in catalogue.methods.items():
        _show_method(console, name, method)
    return console


def _show_method(console: Console, name: str, method: MethodFacts) -> None:
    console.print(f"[bold]{name}[/]  {method.about}")
    console.print(f"  {method.paper}")
    if method.published_names:
        console.print(f"  also called: {', '.join(method.published_names)}")
    console.print(f"  prior: {', '.join(method.priors)} (the first is the default)")
    table = _table(("  hyperparameter", "default", "type", "allowed", "search"))
    for key, fact in method.hyperparameters.items():
        table.add_row(
            f"  {key}", _by_prior(fact.default, fact.defaults), fact.type, str(fact.allowed), fact.search or ""
        )
    first, *others = method.learning_rate.items()
    rates = {prior: rate for prior, rate in others if rate != first[1]}
    table.add_row("  learning_rate", _by_prior(first[1], rates), "float", "> 0", str(LEARNING_RATES))
    console.print(table, highlight=True)
    if example := next((key for key, fact in method.hyperparameters.items() if fact.search_range), None):
        searched = f"{name}[{example}={method.hyperparameters[example].search_range}]"
        console.print(f"  --tune searches these; {searched} sets another range, on the same scale", markup=False)
    console.print()


def _by_prior(default: object, others: Mapping[str, object]) -> str:
    """A default, and those under other priors: '0.5 (sphere: 0.2)'."""
    return str(default) + "".join(f" ({prior}: {value})" for prior, value in others.items())


def _table(words: tuple[str, ...], numbers: tuple[str, ...] = ()) -> Table:
    """Return an empty table with these headings; numbers are right-justified."""
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for heading in words:
        table.add_column(heading)
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def _network_table(networks: dict[str, NetworkFacts]) -> Table:
    table = _table(("  network",), ("images", "width", "latent_dim", "million parameters", "GFLOPs"))
    for name, n in networks.items():
        parameters = f"{n.encoder_parameters / 1e6:.2f} + {n.decoder_parameters / 1e6:.2f}"
        operations = f"{n.encoder_flops / 1e9:.3f} + {n.decoder_flops / 1e9:.3f}"
        shape = "x".join(map(str, n.image_shape))
        table.add_row(f"  {name}", shape, str(n.width), str(n.latent_dim), parameters, operations)
    return table


def _sizes(dataset: DatasetFacts) -> str:
    preprocessing = dataset.defaults["preprocessing"]
    side = preprocessing.get("image_size")
    size = f"; {side}x{side}, {'grey' if preprocessing['channels'] == 1 else 'colour'}" if side else ""
    counts = [f"{count:,}" for count in dataset.images or []]
    return size + (f", {' + '.join(counts)} (train, validation, test)" if counts else "")
