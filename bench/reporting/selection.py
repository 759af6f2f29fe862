"""Sentences on how the shown variants were selected, for every table and figure that the selection touches."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.experiment.labels import split_mark
from bench.reporting import phrases
from bench.reporting.group import Group
from bench.reporting.table import Table

if TYPE_CHECKING:
    from bench.reporting.style import Figure


def of_variants(group: Group) -> str:
    """Return a sentence on the variants that a search chose; empty if there are none."""
    tried = {variant: group.searched.get(split_mark(variant)[0]) for variant in group.summary["variant"]}
    points = {variant: count for variant, count in tried.items() if count}
    if not points:
        return ""
    few, most = min(points.values()), max(points.values())
    count = str(most) if few == most else f"{few} to {most}"
    best = f"the best of {count} points of a search, retrained with other seeds."
    if len(points) == len(tried):
        return f"Each variant is {best}"
    return f"{phrases.named(list(points))}: each is {best} The other variants were not searched."


def of_figures(group: Group) -> str:
    """Return `of_variants`, and a sentence on the variants that figures leave out."""
    sentences = [of_variants(group)]
    if len(group.shown) < len(group.summary):
        sentences.append(
            f"Shown: the best variant of each method and prior ({len(group.shown)} of {len(group.summary)}), chosen by "
            "the distances reported here. That favours methods with more variants."
        )
    return " ".join(filter(None, sentences))


def noted(group: Group, tables: Iterable[Table]) -> list[Table]:
    """Return tables with short names, whose notes end with `of_variants`."""
    sentence = of_variants(group)
    return group.names.tables(
        replace(table, about=_followed(table.about, sentence), brief=table.brief and _followed(table.brief, sentence))
        for table in tables
    )


def captioned(group: Group, figures: "Sequence[Figure]") -> "list[Figure]":
    """Return figures whose captions end with `of_figures`, with short names."""
    sentence = of_figures(group)
    captions = (group.names.text(_followed(figure.caption, sentence)) for figure in figures)
    return [replace(figure, caption=caption) for figure, caption in zip(figures, captions, strict=True)]


def _followed(text: str, sentence: str) -> str:
    """A text and one more sentence, if there is one."""
    return f"{text.rstrip('.')}. {sentence}" if text and sentence else text or sentence
