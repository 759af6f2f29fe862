"""The generated blocks of README.md: the table of methods, and the results of the reference studies.

    python -m docs_build.readme

writes each block between `<!-- NAME:begin -->` and `<!-- NAME:end -->`. `make docs` and `make reference` run it.
"""

from pathlib import Path

import pandas as pd

from docs_build import gallery
from docs_build.claims import SENTENCES, claims, sentence
from docs_build.links import ROOT
from docs_build.studies import REFERENCE, results
from docs_build.tables import table

SHOWN = ("cifar10_small", "mnist_small")  # the studies of real images; digits stand in until these have been run
STAND_IN = "digits"
NOT_YET = "These are 8x8 digits: the studies of MNIST and CIFAR-10 have not been run yet.\n"


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
    """Return figure, verdict and table of the studies of real images, or else of the digits."""
    present = [name for name in SHOWN if (REFERENCE / name / "summary.csv").is_file()]
    return "\n".join(map(_study, present)) if present else f"{_study(STAND_IN)}\n{NOT_YET}"


def _study(name: str) -> str:
    study = next(each for each in results() if each.name == name)
    table_of_claims = claims(name)
    baseline = table_of_claims["baseline"].iloc[0]
    folder = (REFERENCE / name).relative_to(ROOT).as_posix()
    verdicts = table_of_claims[table_of_claims["claim"] == "reaches a lower distance"].set_index("rival")
    rows = [
        [f"`{row.variant}`", row.distance, row.reconstruction, _verdict(verdicts, row.variant)] for row in study.rows
    ]
    kind = "FID" if study.column.startswith("fid") else f"in features of a trained network (`{study.column}`), not FID"
    return "\n".join(
        [
            f"![Images generated in the study {name}]({folder}/figures/samples.png)\n",
            table(["variant", "distance, 95% interval", "squared error", f"is `{baseline}` better?"], rows),
            f"[{name}]({folder}/summary.md), {study.rows[0].seeds} seeds. Distance: {kind}; lower is better. "
            + " ".join(sentence(name, claim) for claim in SENTENCES),
            "",
        ]
    )


def _verdict(verdicts: pd.DataFrame, variant: str) -> str:
    if variant not in verdicts.index:
        return ""
    row = verdicts.loc[variant]
    return f"{row['verdict']}, ratio {row['effect']:.3g}"


def main() -> None:
    """Write the blocks into README.md."""
    path = Path(ROOT / "README.md")
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
