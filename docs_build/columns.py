"""Columns of an experiment, from the names in `bench.metrics.columns`; and what other files of the repository say."""

from bench.metrics.columns import METRICS, STAMPS
from docs_build.links import ROOT
from docs_build.tables import section, table


def measures() -> str:
    """Return a table of the measures of generated images, with their direction."""
    better = {"lower": "lower", "higher": "higher", "real": "near real images"}
    rows = [
        [
            f"`{metric.stem}_<n>`",
            f"`{metric.name('classifier')}_<n>`",
            better[metric.better],
            "on request" if metric.optional else "always",
        ]
        for metric in METRICS.values()
    ]
    stamps = ", ".join(f"`{name}`" for name in STAMPS)
    return (
        table(["in FID's network", "in a trained network, here the classifier", "better", "measured"], rows)
        + f"\nTwo values of one column are comparable if these columns agree: {stamps}.\n"
    )


def from_file(argument: str) -> str:
    """Return what a Markdown file of the repository says under a heading. argument: its path, a blank, the heading."""
    path, _, heading = argument.partition(" ")
    return section((ROOT / path).read_text(encoding="utf-8"), heading)


def file(path: str) -> str:
    """Return a Python file of the repository as a block of code."""
    return f"```python\n{(ROOT / path).read_text(encoding='utf-8')}```\n"
