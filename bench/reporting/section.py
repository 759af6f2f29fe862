"""Sections of the page, before they are rendered."""

from dataclasses import dataclass, field
from pathlib import Path

from bench.reporting.notes import Failure
from bench.reporting.style import Figure
from bench.reporting.table import Table


@dataclass(frozen=True)
class ImageGrids:
    """Image grids of one kind.

    Attributes:
        title: heading.
        about: notes.
        files: the PNG file of each variant.
        figure: name of the figure that shows them side by side, if there is one.
    """

    title: str
    about: str
    files: dict[str, Path]
    figure: str = ""


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        id: anchor of the section, and prefix of the anchors in it.
        title: heading.
        notes: paragraphs, with Markdown's marks for code and emphasis.
        tables: tables.
        figures: figures, saved in `folder`.
        pictures: image grids.
        failures: trials that diverged or failed.
        facts: (heading, preformatted text) pairs.
        folder: the folder that holds the figures.
        protocol: the line of text below every table and figure.
    """

    id: str
    title: str
    notes: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    pictures: list[ImageGrids] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    folder: Path = Path()
    protocol: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show below the heading."""
        return not (self.notes or self.tables or self.figures or self.pictures or self.failures or self.facts)


def table_id(section: Section, table: Table) -> str:
    """Return the anchor of a table on the page, and in summary.md."""
    return f"{section.id}-{table.name}"


def figure_id(section: Section, figure: Figure) -> str:
    """Return the anchor of a figure on the page."""
    return f"{section.id}-figure-{figure.name}"
