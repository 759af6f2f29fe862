"""Builds reports: tables, figures and one page, from trial folders."""

import re
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from bench.errors import RunError
from bench.io.files import write_atomically, writing
from bench.reporting import comparison_tables, merge, metric_tables, render
from bench.reporting.group import Group
from bench.reporting.notes import failures, notes, provenance
from bench.reporting.table import Grid
from bench.store.folders import ExperimentFolder

PREAMBLE = "% Needs \\usepackage{booktabs} and \\usepackage{graphicx}."
MARK = '<meta name="generator" content="bench.report">'  # identifies the page of a report, which may be replaced


def build(folder: ExperimentFolder) -> Group:
    """Write the report of one experiment to its report/, and return the group that it shows."""
    group = merge.of(folder)
    write([group], folder.report)
    return group


def write(groups: Sequence[Group], report: Path) -> None:
    """Write a report atomically: an old report is replaced once the new one is complete.

    Raises:
        RunError: a file cannot be written, for instance on a full disk; the old report remains.
    """
    new, old = (report.with_name(f".{report.name}.{uuid.uuid4().hex[:8]}.{part}") for part in ("new", "old"))
    try:
        with writing(report):
            new.mkdir(parents=True)
            try:
                _write(groups, new)
            except RunError as error:  # names a temporary file, which is about to be removed
                raise error.__cause__ if isinstance(error.__cause__, OSError) else error from None
            if report.exists():
                report.rename(old)
            new.rename(report)
    finally:
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)


def _write(groups: Sequence[Group], report: Path) -> None:
    from bench.reporting import across_datasets, page, sections  # not at the top: importing matplotlib is slow

    grids, figures = across_datasets.together(list(groups), report)
    parts = [page.Part("together", "All data sets together", grids=grids, figures=figures, folder=report / "figures")]
    markdown, latex = [f"# {_title(groups)}", *_markdown(grids)], [render.latex(grid) for grid in grids]
    for group in groups:
        prefix = "" if len(groups) == 1 else f"{_slug(group.name)}-"
        group_grids, group_parts = sections.write(group, report / prefix.rstrip("-"), prefix)
        markdown += [*([f"\n# {group.name}"] if prefix else []), *_markdown(group_grids), *appendix(group)]
        latex += [render.latex(grid, prefix, f"Protocol: {group.protocol}.") for grid in group_grids]
        parts += group_parts
    write_atomically(report / "summary.md", ("\n".join(markdown) + "\n").encode())
    write_atomically(report / "summary.tex", "\n".join([PREAMBLE, *latex]).encode())
    lead = "; ".join(f"{group.name}: {len(group.summary)} variants, {len(group.trials)} trials" for group in groups)
    write_atomically(report / "index.html", page.html(_title(groups), lead, parts).encode())


def _title(groups: Sequence[Group]) -> str:
    return ", ".join(group.name for group in groups) + ": latent matching compared"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _markdown(grids: Sequence[Grid]) -> list[str]:
    lines = []
    for grid in grids:
        lines += ["", f"## {grid.title}", "", *render.markdown(grid), *(["", grid.about] if grid.about else [])]
    return lines


def appendix(group: Group) -> list[str]:
    """What follows the tables of summary.md: notes, failed trials and provenance."""
    lines = [line for note in notes(group) for line in ("", note)]
    reasons = [(r, render.plain(str(r["reason"]))) for r in failures(group)]
    lost = [f"- `{r['variant']}` seed {r['seed']} {r['state']}: {reason}" for r, reason in reasons]
    lines += ["", *lost] if lost else []
    for title, text in provenance(group):
        lines += ["", f"{title}:", "", *(f"    {line}" for line in text.splitlines())]
    return [*lines, "", "Columns and units: results/README.md."]


def print_tables(group: Group) -> None:
    """Print the most important tables in the terminal."""
    for grid in (*metric_tables.grids(group), *comparison_tables.cost(group)):
        render.terminal(grid, without=("each seed",))


def is_replaceable(path: Path) -> bool:
    """Whether a report may be written to `path`: it is missing, an empty folder or an earlier report."""
    if not path.exists():
        return True
    page = path / "index.html"
    return path.is_dir() and (not any(path.iterdir()) or (page.is_file() and MARK in page.read_text(errors="replace")))
