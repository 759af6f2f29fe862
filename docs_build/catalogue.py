"""Data sets, networks, priors, extractors and samplers, from what is registered."""

from functools import cache

from bench.driver.catalogue import Catalogue, NetworkFacts, collect
from docs_build.tables import table


@cache
def registered() -> Catalogue:
    """Return everything registered; collecting it takes a second."""
    return collect()


def datasets() -> str:
    """Return a table of the data sets."""
    rows = []
    for name, facts in registered().datasets.items():
        counts = " / ".join(f"{count:,}" for count in facts.images) if facts.images else "yours"
        size = facts.defaults.get("preprocessing", {}).get("image_size", "`--image-size`")
        files = facts.files or ("none: scikit-learn contains it" if facts.images else "what `--data-root` names")
        rows.append([f"`{name}`", facts.about, size, counts, files])
    return table(["name", "what it is", "side, pixels", "train / validation / test", "files"], rows)


def networks() -> str:
    """Return tables of networks, initialisations, priors, extractors, samplers and optimisers."""
    found = registered()
    headings = ["name", "what it is", "images", "side: multiple of", "width", "latent", "10^6 parameters", "GFLOP"]
    parts = {
        "Initialisations (`network.initialisation`)": found.initialisations,
        "Priors (`METHOD[prior=NAME]`)": found.priors,
        "Extractors (`--extractor`)": found.extractors,
        "Samplers (`--sampler`)": found.samplers,
        "Optimisers (`training.optimiser`)": found.optimisers,
    }
    lists = [f"## {title}\n\n{table(['name', 'what it is'], _named(facts))}" for title, facts in parts.items()]
    return "\n".join([table(headings, map(_network, found.networks, found.networks.values())), *lists])


def _named(facts: dict[str, str]) -> list[list[str]]:
    return [[f"`{name}`", about] for name, about in facts.items()]


def _network(name: str, facts: NetworkFacts) -> list[object]:
    return [
        f"`{name}`",
        facts.about,
        " x ".join(map(str, facts.image_shape)),
        facts.sides_multiple_of,
        facts.width,
        facts.latent_dim,
        f"{(facts.encoder_parameters + facts.decoder_parameters) / 1e6:,.2f}",
        f"{(facts.encoder_flops + facts.decoder_flops) / 1e9:,.3f}",
    ]
