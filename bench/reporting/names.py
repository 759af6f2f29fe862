"""Short names for long labels in tables. A table of names has the whole labels; data files keep them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from bench.experiment.labels import format_label, settings, split_mark, without_settings
from bench.reporting.table import Cell, Table, prose, word

LONGEST = 60  # letters of a label that is shown whole
ABOUT = "`...` stands for settings that are left out of a long name. Data files have the whole names."


@dataclass(frozen=True)
class Names:
    """Short names.

    Attributes:
        short: long label -> short name; no other label equals it.
    """

    short: dict[str, str]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, sorted(self.short, key=len, reverse=True))))

    def text(self, text: str) -> str:
        """Return a text with short names in place of long labels."""
        return self._pattern.sub(lambda match: self.short[match[0]], text) if self.short else text

    def tables(self, tables: Iterable[Table]) -> list[Table]:
        """Return tables with short names in place of long labels. Cells keep the whole label as `full`."""
        return [self._table(table) for table in tables] if self.short else list(tables)

    def _table(self, table: Table) -> Table:
        texts = {name: self.text(getattr(table, name)) for name in ("title", "about", "brief") if getattr(table, name)}
        rows = [[self._cell(cell) for cell in row] for row in table.rows]
        return replace(table, **texts, headings=list(map(self.text, table.headings)), rows=rows)

    def _cell(self, cell: Cell) -> Cell:
        text = self.text(cell.text)
        return cell if text == cell.text else replace(cell, text=text, full=cell.text)

    def key(self) -> list[Table]:
        """Return the table of names; none if every label is shown whole."""
        rows = [[word(short), prose(f"`{label}`")] for label, short in self.short.items()]
        headings = ["short name", "whole name"]
        return [Table("names", "Short names", headings, rows, ABOUT, words=2, stacked=True)] if rows else []


def shortened(labels: Iterable[str]) -> Names:
    """Return short names of labels longer than LONGEST: the prior, and the settings that differ within the method.

    A name that would still be too long, or equal to another one, is numbered instead. labels: of all variants.
    """
    bodies = list(dict.fromkeys(split_mark(label)[0] for label in labels))
    short: dict[str, str] = {}
    for body in bodies:
        if len(body) > LONGEST:
            taken = {*bodies, *short.values()}
            name = _elided(body, [other for other in bodies if without_settings(other) == without_settings(body)])
            numbered = (_with(body, {}, f"...{i}") for i in range(1, len(bodies) + 2))
            short[body] = (
                name if len(name) <= LONGEST and name not in taken else next(n for n in numbered if n not in taken)
            )
    return Names(short)


def _elided(body: str, alike: list[str]) -> str:
    """A label without the settings that are equal in all labels of its method and prior."""
    differing = {
        name: value for name, value in settings(body).items() if len({settings(a).get(name) for a in alike}) > 1
    }
    return _with(body, differing, "...")


def _with(body: str, shown: dict[str, str], rest: str) -> str:
    kept = {name: value for name, value in settings(body).items() if name == "prior" or name in shown}
    label = format_label(body.partition("[")[0], kept)
    return f"{label[:-1]},{rest}]" if kept else f"{label}[{rest}]"
