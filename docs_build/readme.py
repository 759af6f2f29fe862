"""The generated blocks of README.md: the table of methods, and the results of the reference studies.

    python -m docs_build.readme

writes each block between `<!-- NAME:begin -->` and `<!-- NAME:end -->`, and results/reference/claims.md. `make docs`
and `make reference` run it.
"""

from collections.abc import Iterable
from pathlib import Path

from bench.metrics.columns import parse
from docs_build import gallery, results_figure
from docs_build.claims import all_claims, claims, significant
from docs_build.links import ROOT
from docs_build.studies import REFERENCE, Study, dataset, results
from docs_build.tables import table

SHOWN = ("cifar10_small", "mnist_small")  # the studies of real images; digits stand in until these have been run
STAND_IN = "digits"
ALSO = "stability_mnist"  # what it says stands below
NOT_YET = "These are 8x8 digits: the studies of MNIST and CIFAR-10 have not been run yet.\n"
CLAIMS = REFERENCE / "claims.md"
ABSENT = "-"  # instead of a distance, if a study does not include a variant


def filled(text: str) -> str:
    """Return the README with its blocks made again.

    Raises:
        ValueError: it lacks the marks of a block.
    """
    for name, content in {"results": results_block(), "methods": methods_block()}.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"README.md lacks {begin} or {end}")
        text = f"{before}{begin}\n{content.strip()}\n{end}{after}"
    return text


def methods_block() -> str:
    """Return the table of methods."""
    rows = [[row[1], row[0], *row[2:]] for row in gallery.summaries()]
    return table(["name here", "method", "priors", "penalty", "paper"], rows)


def results_block() -> str:
    """Return figure, table and verdict of the studies of real images that have been run, or else of the digits."""
    names = shown()
    tabled = list(dict.fromkeys([*names, STAND_IN]))
    found = [next(each for each in results() if each.name == name) for name in tabled]
    baseline = claims(names[0])["baseline"].iloc[0]
    header = ["variant", *(text for name in tabled for text in (dataset(name), f"`{baseline}`"))]
    kinds = {_kind(study.column) for study in found}
    note = "" if names != [STAND_IN] else NOT_YET
    rows = [_row(variant, found) for variant in dict.fromkeys(_variants(found))]
    return "\n".join(
        [
            f"![Distance along training]({results_figure.PATH.relative_to(ROOT).as_posix()})\n",
            table(header, rows),
            f"{' and '.join(sorted(kinds))}, 95% interval over {_listed(str(study.rows[0].seeds) for study in found)} "
            f"seeds: lower is better. Ratio: `{baseline}` divided by the row.\n",
            f"Better, worse: significant (permutation tests, Holm). `{baseline}` also is:\n",
            *(_significant(name) for name in (*names, ALSO)),
            f"\n{note}",
        ]
    )


def claims_page() -> str:
    """Return the page of claims that readers of the repository see, who have no site."""
    title = "# The paper's claims in the reference studies"
    return f"{title}\n\nMade by `python -m docs_build.readme`.\n\n{all_claims()}\n"


def shown() -> list[str]:
    """Return the names of the studies that the README shows."""
    return [name for name in SHOWN if (REFERENCE / name / "summary.csv").is_file()] or [STAND_IN]


def _variants(found: list[Study]) -> list[str]:
    return [row.variant for study in found for row in study.rows]


def _row(variant: str, found: list[Study]) -> list[str]:
    cells = [f"`{variant}`"]
    for study in found:
        distances = {row.variant: row.distance for row in study.rows}
        cells += [distances.get(variant, ABSENT), _verdict(study.name, variant)]
    return cells


def _verdict(study: str, variant: str) -> str:
    rows = claims(study)
    rows = rows[(rows["claim"] == "reaches a lower distance") & (rows["rival"] == variant)]
    return "" if rows.empty else f"{rows['verdict'].iloc[0]}, {rows['effect'].iloc[0]:.3g}"


def _kind(distance: str) -> str:
    column = parse(distance)
    assert column is not None
    return "FID" if column.extractor == "inception" else f"Fréchet distance in {column.extractor} features (not FID)"


def _significant(name: str) -> str:
    link = (REFERENCE / name / "summary.md").relative_to(ROOT).as_posix()
    label = dataset(name) if name in (*SHOWN, dataset(name)) else f"{dataset(name)}, {name}"
    return f"- [{label}]({link}): {significant(name)}"


def _listed(values: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(values))


def main() -> None:
    """Write the blocks into README.md, the figure, and the table of claims."""
    results_figure.draw(shown())
    CLAIMS.write_text(claims_page(), encoding="utf-8")
    path = Path(ROOT / "README.md")
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
