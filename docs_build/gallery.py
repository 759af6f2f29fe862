"""The gallery of methods: what a class, its docstring, data sets' defaults and the reference studies say of a method.

A page of docs/methods/ holds what a class cannot say: the published name, the citation and the penalty as an equation.
"""

import inspect
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from bench.experiment.configuration import dataset_defaults, dataset_names
from bench.experiment.variants import LEARNING_RATES
from docs_build.links import DOCS, ROOT
from docs_build.settings import described
from docs_build.studies import results
from docs_build.tables import table
from methods import METHODS, Method
from methods.hyperparameters import learning_rate, schema
from methods.networks import Networks
from methods.priors import PRIORS

DIM, CODES = 8, 1000  # of the floors on the pages
COSTS = "results/reference/benchmarks/costs.txt"
BATCHES = ("64", "128", "256", "512", "1,024")


def method(name: str) -> str:
    """Return all that follows the equation on the page of a method."""
    kind = METHODS[name]
    parts = {
        "Codes during training": _figure(name, kind),
        "Hyperparameters": _hyperparameters(name, kind),
        "Floor": _floor(kind),
        "Cost": _cost(name),
        "In the reference studies": _studies(name),
        "Paper": _paper(name, kind),
    }
    return "\n\n".join(f"## {title}\n\n{text.strip()}" for title, text in parts.items()) + "\n"


def about(name: str) -> str:
    """Return the method's docstring, without what it says of hyperparameters: the first lines of its page."""
    return described(METHODS[name])[0]


def overview() -> str:
    """Return the table of all methods, with links to their pages."""
    rows = [[f"[{row[0]}]({name}.md)", *row[1:]] for name, row in zip(METHODS, summaries(), strict=True)]
    return table(["method", "name here", "priors", "what it does", "paper"], rows)


def summaries() -> list[list[str]]:
    """Return for each method: published name, name here, priors, one line, paper. Also the README's table."""
    return [
        [
            front(name)["published"],
            f"`{name}`",
            ", ".join(kind.priors),
            front(name)["line"],
            f"[{front(name)['short']}]({front(name)['url']})",
        ]
        for name, kind in METHODS.items()
    ]


@cache
def front(name: str) -> dict[str, Any]:
    """Return the front matter of a method's page: published (name), line (what it does), short (paper), url, cite."""
    return yaml.safe_load((DOCS / "methods" / f"{name}.md").read_text(encoding="utf-8").split("---\n")[1])


def _figure(name: str, kind: type[Method]) -> str:
    lines = {
        "normal": "the plane of two-dimensional codes, where the prior is N(0, I)",
        "sphere": "the whole surface of the sphere of R^3, in an equal-area projection, where the prior is uniform",
    }
    shown = "; ".join(lines[prior] for prior in kind.priors)
    file = f"figures/{name}.png"  # small on a phone, so it links to itself
    return (
        f"[![Codes of held-out digits before and during training with {name}]({file})]({file})\n\n"
        f"Codes of 397 held-out digits, coloured by digit, in a training of 600 steps. Shown: {shown}. If the method "
        "matches its prior, the codes at the end fill the space as the samples of the prior do. Made by "
        "`python -m docs_build.code_figures`."
    )


def _hyperparameters(name: str, kind: type[Method]) -> str:
    explained = described(kind)[1]
    rows = []
    for key, parameter in schema(kind).items():
        allowed = ", ".join(f"`{choice}`" for choice in parameter.choices) or str(parameter.range)
        defaults = [f"`{parameter.default}`", *(f"`{v}` (prior={p})" for p, v in parameter.defaults.items())]
        searched = kind.search_space.get(key)
        rows.append([f"`{key}`", allowed, ", ".join(defaults), searched or "no", explained.get(key, "")])
    rates = {prior: learning_rate(kind, prior) for prior in kind.priors}
    shown = [f"`{r}`" if len(set(rates.values())) == 1 else f"`{r}` (prior={p})" for p, r in rates.items()]
    rows.append(["`learning_rate`", "> 0", ", ".join(dict.fromkeys(shown)), LEARNING_RATES, "of Adam, at the start"])
    text = table(["name", "values", "default", "searched by `--tune`", "what it is"], rows)
    found = list(_dataset_defaults(name))
    if found:
        text += "\nData sets on which a search found other defaults:\n\n"
        text += table(["data set", "variant", "defaults there"], found)
    return text


def _dataset_defaults(name: str) -> Iterator[list[str]]:
    for dataset in dataset_names():
        for variant, values in dataset_defaults(dataset).get("defaults", {}).items():
            if variant.partition("[")[0] == name:
                yield [f"`{dataset}`", f"`{variant}`", ", ".join(f"`{key}={value}`" for key, value in values.items())]


def _floor(kind: type[Method]) -> str:
    if kind.floor is Method.floor:
        return (
            "None: the penalty does not measure how far the codes of all images are from the prior, or there is no "
            "penalty."
        )
    rows = []
    for prior in kind.priors:
        networks = Networks("small", (1, 8, 8), latent_dim=DIM, width=4)
        value = kind(networks, PRIORS[prior](DIM)).floor(CODES)
        rows.append([prior, "" if value is None else f"{value:.4g}"])
    text = inspect.getdoc(kind.floor) or ""
    said = text.partition("\n")[0].removeprefix("Return ")
    return f"The expected penalty of codes that follow the prior: {said}\n\n" + table(
        ["prior", f"floor of {CODES:,} codes in {DIM} dimensions, at the defaults"], rows
    )


def _cost(name: str) -> str:
    steps, control = _step_times()[name], _step_times()["autoencoder"]
    ratios = [f"{float(a) / float(b):.2g}" for a, b in zip(steps, control, strict=True)]
    return (
        "Milliseconds of a whole training step on one core, with the small network and 64 latent dimensions "
        f"([costs.txt](../../{COSTS})), by batch size:\n\n"
        + table(["", *BATCHES], [[f"`{name}`", *steps], ["times `autoencoder`", *ratios]])
    )


@cache
def _step_times() -> dict[str, list[str]]:
    """Return for each method the milliseconds of a step at each batch size, from the first table of COSTS."""
    first = (ROOT / COSTS).read_text(encoding="utf-8").split("\n\n")[1].splitlines()
    assert re.split(r"\s{2,}", first[1].strip())[: len(BATCHES)] == list(BATCHES), first[1]
    return {line.split()[0]: line.split()[1 : 1 + len(BATCHES)] for line in first[2:]}


def _studies(name: str) -> str:
    rows = [row for study in results() for row in study.rows if row.method == name]
    if not rows:
        return "No reference study includes this method yet."
    headings = ["study", "variant", "place", "distance, 95% interval", "squared error", "training, s", "seeds"]
    cells = [
        [row.link, f"`{row.variant}`", row.place, row.distance, row.reconstruction, row.seconds, row.seeds]
        for row in rows
    ]
    return table(headings, cells) + (
        "\nThe distance is that of the study's headline column, lower is better; "
        "[Columns](../reference/columns.md) explains it. Places follow the mean distance. Whether two methods differ "
        "significantly stands in the study's own verdict."
    )


def _paper(name: str, kind: type[Method]) -> str:
    entries = "\n\n".join(citations()[key] for key in front(name)["cite"])
    return f"{kind.paper}. [{front(name)['short']}]({front(name)['url']}).\n\n```bibtex\n{entries}\n```"


@cache
def citations() -> dict[str, str]:
    """Return the entries of docs/methods/papers.bib by key."""
    entries = (DOCS / "methods" / "papers.bib").read_text(encoding="utf-8").strip().split("\n\n")
    return {entry.partition("{")[2].partition(",")[0]: entry for entry in entries}
